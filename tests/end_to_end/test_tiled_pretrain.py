"""`pretrain` with its similarities in tiles, divided over two ranks, has the losses of one rank with all at once."""

import json
from pathlib import Path

import pytest
from support.runs import launch, tiny_recipe

STEPS = 3
# Small: Adam makes whole steps of rounding errors where the gradient is 0 but for them, such as at keys' biases.
SLOW = ("--optim.lr", "1e-5", "--optim.lr_end", "1e-5")


def losses(run: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    shown = ("1 learning/loss/", "1 learning/recall@1/")
    return [{key: value for key, value in row.items() if key.startswith(shown)} for row in rows]


def test_tiles_and_ranks_change_no_loss(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    options = {"whole": ("--objective.tile", "0"), "divided": ("--objective.tile", "3", "--objective.shard_above", "0")}
    for ranks, (name, chosen) in enumerate(options.items(), start=1):
        arguments = (str(recipe), "--run", str(tmp_path / name), "--engine.steps", str(STEPS), *SLOW, *chosen)
        assert launch(ranks, tmp_path / f"{name}.txt", *arguments).wait(timeout=120) == 0, (
            tmp_path / f"{name}.txt"
        ).read_text()
    whole, divided = (losses(tmp_path / name) for name in options)
    assert len(whole) == STEPS and len(whole[0]) == 5
    for row, other in zip(whole, divided, strict=True):
        assert other == pytest.approx(row, rel=1e-5)
