import json
import re
from pathlib import Path

import numpy as np
import pytest
from support.conflicted import CONFLICTING, STEPS, VISITS, conflicted_run, ledger_of

from vatt_harmony import cli
from vatt_harmony.conflicts.evidence import deviation, read_evidence
from vatt_harmony.errors import UserError

CLIPS = 9
LEDGER = Path("checkpoints") / f"step_{STEPS:08d}" / "ledger.parquet"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return conflicted_run(tmp_path, CLIPS)


def report(run: Path, *more: str) -> tuple[int, Path]:
    out = run.parent / "out" / "page.html"
    return cli.main(["conflicts", "report", str(run), *more, "--out", str(out)]), out


def figures(path: Path) -> dict[str, float]:
    return {row["id"].removeprefix("report."): row["value"] for row in json.loads(path.read_text())["figures"]}


def test_page_screen_and_figures_tell_the_same(run, capsys):
    status, page = report(run, "--json", str(run / "figures.json"))
    assert status == 0
    told, screen, shown = figures(run / "figures.json"), capsys.readouterr().out, page.read_text()
    assert (told["clips"], told["judged"], told["found"], told["found.made"]) == (
        CLIPS,
        CLIPS,
        CONFLICTING,
        CONFLICTING,
    )
    assert told["visits"] == VISITS and told["embedded"] == CLIPS - 1
    assert (
        f"Of {CLIPS} clips, {CONFLICTING} disagree with themselves" in screen
        and "cannot be played, container open: 1" in screen
    )
    assert f"<strong>{CONFLICTING} disagree with themselves</strong>" in shown
    assert shown.count("data-clip=") == CLIPS - 1 and "a dog barks loudly" in shown


def test_the_budget_takes_the_lowest_clips_first(run):
    _, page = report(run, "--clips", "2")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page.read_text())[1])
    rows = [int(row) for row in re.findall(r'data-clip="(\d+)"', page.read_text())]
    assert [data["keys"][row] for row in rows] == ["made/0000", "made/0001"]
    _, page = report(run, "--megabytes", "0.000001")
    assert "data-clip=" not in page.read_text() and "a dog barks loudly" in page.read_text()


def test_the_spread_of_visits_is_that_of_the_observations(run):
    evidence = read_evidence(run)
    cosine = np.random.default_rng(0).normal(0, 0.05, (CLIPS, VISITS))
    np.testing.assert_allclose(deviation(evidence), cosine.std(axis=1, ddof=1))
    (run / "observations" / f"step_{STEPS:08d}_rank_00000.parquet").unlink()
    assert np.isnan(deviation(evidence)).all()


def test_shards_may_be_named_where_they_are_now(run, capsys):
    (run.parent / "shards").rename(run.parent / "moved")
    assert report(run)[0] == 2
    assert "name the shards: conflicts report RUN SHARDS" in capsys.readouterr().err
    assert report(run, str(run.parent / "moved"))[0] == 0


def test_what_cannot_be_reported_is_one_message(run, capsys):
    (run / LEDGER).rename(run / "ledger.parquet")
    with pytest.raises(UserError, match=r"no conflict ledger.*harmony\.enabled"):
        read_evidence(run)
    ledger_of(run / LEDGER, ["made/0000"], np.full((1, 3), np.nan))
    assert report(run)[0] == 2
    assert "two losses to compare" in capsys.readouterr().err
    assert report(run / "nowhere")[0] == 2
    assert "neither a run folder" in capsys.readouterr().err
