"""Row 04.6 counts what is not answered by one clear error, and nothing else."""

import pytest

from vatt_harmony.errors import UserError
from vatt_harmony.scale.bench import balance_edges
from vatt_harmony.scale.bench.suite import Options


@pytest.mark.parametrize("name", balance_edges.MISTAKES)
def test_every_mistake_is_answered_by_one_clear_error(name: str) -> None:
    assert balance_edges.answered(balance_edges.MISTAKES[name])


def _refused() -> None:
    raise UserError("The label is 9 of 4", "It is no class", "Number labels from 0")


def _broken() -> None:
    raise KeyError("smell")


def test_the_row_counts_tracebacks_and_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"told": _refused, "traceback": _broken, "silence": lambda: None}
    monkeypatch.setattr(balance_edges, "MISTAKES", told)

    (figure,) = balance_edges.ROW.run(Options())

    assert (figure.value, figure.n, figure.holds) == (2, 3, False)
