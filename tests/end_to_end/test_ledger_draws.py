"""A run that draws by its conflict ledger: what checkpoints hold, and the same samples after any resume."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow.compute as pc
import pytest
from support.runs import launch, tiny_recipe

from vatt_harmony.engine.ledger import read_ledger
from vatt_harmony.engine.observations import read_observations
from vatt_harmony.harmony.ledger import load_ledger

BORDER, STEPS, CLIPS = 6, 14, 24
ARGUMENTS = (
    "--engine.deepspeed", "configs/deepspeed/zero0.json", "--engine.steps", str(STEPS), "--optim.lr", "1e-5",
    "--optim.lr_end", "1e-5", "--engine.checkpoint_every", str(BORDER), "--engine.keep", "0",
    "--harmony.ledger.enabled", "true", "--harmony.ledger.refresh", "2", "--harmony.ledger.n_min", "1",
)  # fmt: skip


def train(recipe: Path, run: Path, ranks: int, more: Sequence[str] = ()) -> Path:
    output = run.with_suffix(".txt")
    assert launch(ranks, output, str(recipe), "--run", str(run), *ARGUMENTS, *more).wait(200) == 0, output.read_text()
    return run


def visits(run: Path) -> list[tuple[int, int, str]]:
    table = read_observations(run).to_pydict()
    return sorted(zip(table["step"], table["position"], table["key"], strict=True))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_recipe(tmp_path_factory.mktemp("ledger"), CLIPS)


@pytest.fixture(scope="module")
def whole(recipe: Path) -> Path:
    return train(recipe, recipe.parent / "whole", 2)


def test_checkpoints_hold_what_the_visits_said(whole):
    for step in (BORDER, STEPS):
        ledger, facts = load_ledger(whole / "checkpoints" / f"step_{step:08d}" / "ledger.parquet")
        assert facts["signal"] == "last_linear/all" and facts["rule"] == "pcgrad" and facts["step"] == str(step)
        rows = read_observations(whole)
        rows = rows.filter(pc.and_(pc.less_equal(rows["step"], step), pc.is_valid(rows["cosine"])))
        assert sum(ledger["n_obs"].to_pylist()) == len(rows)
        means = rows.group_by("key").aggregate([("cosine", "mean"), ("step", "max")]).to_pylist()
        told = {row["key"]: row for row in ledger.to_pylist()}
        assert len(means) == len(told)
        for row in means:
            assert told[row["key"]]["cos_mean"] == pytest.approx(row["cosine_mean"], abs=1e-5)
            assert told[row["key"]]["last_step"] == row["step_max"]
            assert told[row["key"]]["log_norm_ratio"] is not None and told[row["key"]]["loss_video_text"] > 0
    assert read_ledger(whole).equals(ledger)


def test_tables_are_kept_and_their_unevenness_is_logged(whole):
    assert sorted(path.name for path in (whole / "draws").iterdir()) == [f"version_{n:08d}.npz" for n in range(1, 8)]
    state = json.loads((whole / "checkpoints" / f"step_{BORDER:08d}" / "state.json").read_text())
    assert list(state["stream"]["draw_tables"]) == ["2", "3"]
    rows = [json.loads(line) for line in (whole / "metrics.jsonl").read_text().splitlines()]
    assert "3 data/draws/effective_share" not in rows[1] and 0.5 < rows[-1]["3 data/draws/effective_share"] < 1
    assert 0.2 <= rows[-1]["3 data/draws/lowest_rate"] < 1 < rows[-1]["3 data/draws/highest_rate"]


@pytest.mark.parametrize(("ranks", "workers"), [(2, 1), (1, 0)])
def test_resumed_it_draws_the_same_samples(recipe, whole, tmp_path, ranks, workers):
    run = tmp_path / "again"
    shutil.copytree(whole, run)
    (run / "checkpoints" / "latest").write_text(f"step_{BORDER:08d}\n")
    train(recipe, run, ranks, ("--stream.workers", str(workers)))
    assert visits(run) == visits(whole)
    if ranks == 2:
        assert read_ledger(run).equals(read_ledger(whole))
