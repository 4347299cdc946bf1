import io

import pytest

from vatt_harmony.engine.progress import Eta, Progress, clock


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_eta_follows_the_window():
    eta = Eta(total=100, window=2)
    assert eta.observe(0, 0.0) is None
    assert eta.observe(10, 100.0) == pytest.approx(900.0)
    eta.observe(20, 110.0)
    assert eta.observe(30, 120.0) == pytest.approx(70.0)


@pytest.mark.parametrize(("seconds", "text"), [(5, "0:05"), (3725, "1:02:05"), (90061, "1 days 1:01:01")])
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_plain_lines_are_sparse_and_the_last_step_is_shown():
    stream = io.StringIO()
    progress = Progress(total=3, initial=0, stream=stream, pause=1000.0)
    for step in (1, 2, 3):
        progress.show(step, {"total": 0.5}, None if step == 1 else 61.0)
    progress.close()
    assert stream.getvalue().splitlines() == ["step 1/3  total 0.5000", "step 3/3  1:01 left  total 0.5000"]


def test_a_terminal_gets_a_bar(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    progress = Progress(total=3, initial=1, stream=stream)
    progress.show(2, {"total": 0.5}, 61.0)
    progress.close()
    assert "2/3" in stream.getvalue() and "1:01 left" in stream.getvalue()
