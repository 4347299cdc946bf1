"""`pretrain --engine.chunk`: the run of one pass, in chunks."""

import json
import sys
from pathlib import Path

import pytest
from support.runs import start, tiny_recipe


def losses(run: Path) -> list[float]:
    return [json.loads(line)["1 learning/loss/total"] for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_run_in_chunks_has_the_losses_of_a_run_in_one_pass(tmp_path: Path) -> None:
    recipe, found = tiny_recipe(tmp_path), {}
    for chunk in (0, 3):
        run, told = tmp_path / f"run{chunk}", tmp_path / f"told{chunk}"
        command = [
            sys.executable, "-m", "vatt_harmony", "pretrain", str(recipe), "--run", str(run),
            "--engine.chunk", str(chunk), "--engine.steps", "4",
            "--harmony.curriculum", "{kind: quantile, q0: 0.5, t0: 0, shape: constant}",
        ]  # fmt: skip
        assert start(command, told).wait(300) == 0, told.read_text()
        found[chunk] = losses(run)
    assert len(found[0]) == 4
    assert found[3] == pytest.approx(found[0], rel=1e-4)
