import io
import json

import pytest
from rich.console import Console

from vatt_harmony.figures import Figure, print_figures, write_figures


@pytest.mark.parametrize(
    ("value", "goal", "holds"),
    [(1.0, "<= 1.05", True), (1.1, "<= 1.05", False), (0.9, ">= 0.9", True), (3.0, "== 3", True), (3.0, "< 3", False),
     (4.0, "> 3", True), (2.0, "", True), (None, "", False), (None, "<= 1", False), (float("nan"), "<= 1", False)],
)  # fmt: skip
def test_a_figure_holds_when_it_was_measured_and_meets_its_goal(value, goal, holds):
    assert Figure(id="01.1", name="x", value=value, goal=goal).holds is holds


def test_json_and_table(tmp_path):
    figures = [Figure(id="01.2", name="recall", value=0.5, goal=">= 0.9", low=0.4, high=0.6, n=64),
               Figure(id="01.3", name="speed", value=None, unit="clips/s")]  # fmt: skip
    write_figures(figures, tmp_path / "new" / "figures.json")
    first, second = json.loads((tmp_path / "new" / "figures.json").read_text())["figures"]
    assert first.keys() == {
        "id", "name", "value", "unit", "goal", "holds", "low", "high", "n", "command", "commit"
    }  # fmt: skip
    assert (first["id"], first["value"], first["holds"], first["n"]) == ("01.2", 0.5, False, 64)
    assert second["value"] is None and second["command"].startswith("vatt-harmony")
    shown = io.StringIO()
    print_figures(figures, Console(file=shown, width=120))
    assert "0.4 … 0.6" in shown.getvalue() and "NO" in shown.getvalue() and "not run" in shown.getvalue()


def test_a_table_without_goals_does_not_judge():
    shown = io.StringIO()
    print_figures([Figure(id="embed.parts", name="parts", value=1.0)], Console(file=shown, width=120))
    assert "parts" in shown.getvalue()
    assert not any(word in shown.getvalue() for word in ("goal", "holds", "yes", "NO"))
