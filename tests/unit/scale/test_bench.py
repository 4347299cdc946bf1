"""The bench's plumbing, with rows that measure nothing."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from vatt_harmony import cli
from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure
from vatt_harmony.scale.bench import main
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measured, measures, run_rows, select

TWO = measures("09.1", ("first", "<= 1e-3", "s"), ("second", ">= 2", ""))
KEYS = {"id", "name", "value", "unit", "goal", "holds", "low", "high", "n", "command", "commit"}


def good(options: Options) -> list[Figure]:
    return measured(TWO, 0.5, float(options.pairs), n=4)


def missing(options: Options) -> list[Figure]:
    raise NotRun("the data are not here")


def broken(options: Options) -> list[Figure]:
    raise ZeroDivisionError


def row(name: str, run, figures: tuple[Figure, ...] = TWO) -> Row:  # type: ignore[no-untyped-def]
    return Row(id=name, title="a row", takes="no time", measures=figures, run=run)


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> tuple[Row, ...]:
    given = (row("09.1", good), row("09.2", missing, measures("09.2", ("third", "== 0", ""))))
    monkeypatch.setattr(main, "ROWS", given)
    return given


def test_figures_are_lettered_in_their_order_unless_alone() -> None:
    assert [figure.id for figure in TWO] == ["09.1a", "09.1b"]
    assert [figure.id for figure in measures("09.2", ("alone", "", ""))] == ["09.2"]
    assert all(figure.value is None and not figure.holds for figure in TWO)


@pytest.mark.parametrize(
    ("value", "goal", "holds"),
    [(1e-9, "<= 1e-9", True), (1.1e-9, "<= 1e-9", False), (0, "== 0", True), (5, "", True), (None, "", False)],
)
def test_whether_a_goal_holds(value: float | None, goal: str, holds: bool) -> None:
    assert replace(TWO[0], value=value, goal=goal).holds is holds


def test_json_follows_the_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "main", "--pairs", "3", "--json", str(tmp_path / "f.json")]) == 0
    first, second, third = json.loads((tmp_path / "f.json").read_text())["figures"]
    assert first.keys() == KEYS
    assert (first["value"], first["holds"], second["value"], second["holds"]) == (0.5, False, 3.0, True)
    assert (third["id"], third["value"], third["holds"]) == ("09.2", None, False)
    told = capsys.readouterr().out
    assert "09.1: a row (takes no time)" in told and "09.2 was not run: the data are not here" in told


def test_only_runs_what_it_names(rows: tuple[Row, ...]) -> None:
    assert [r.id for r in select(rows, "09.2, 09.1")] == ["09.1", "09.2"]
    assert [r.id for r in select(rows, "09.2")] == ["09.2"]


@pytest.mark.parametrize(
    ("arguments", "message"), [(["--only", "09.1,01.99"], "01.99"), (["--pairs", "0"], "--pairs is 0")]
)
def test_mistakes_are_told(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "main", *arguments]) == 2
    assert message in capsys.readouterr().err
    with pytest.raises(UserError):
        select((), "09.1")


def test_a_row_that_breaks_does_not_stop_the_others() -> None:
    figures = run_rows([row("09.3", broken), row("09.1", good)], Options(), Console(file=io.StringIO()))
    assert [figure.value for figure in figures] == [None, None, 0.5, 5.0]
