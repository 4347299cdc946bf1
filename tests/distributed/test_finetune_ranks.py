"""Two ranks train on what one does, under DDP and under ZeRO, and go on from where one of them was asked to stop."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from support.finetune_table import table_recipe, write_table
from support.ranks import run_ranks

from vatt_harmony.finetune.config import FinetuneConfig

OPTIONS: dict[str, Any] = {
    "train__batch": 8, "train__accumulation": 2, "optim__lr": 3e-4, "optim__clip": 1.0, "balance__point": "lr",
    "data__missing": "mask",
}  # fmt: skip
FIGURES = ("history", "test", "trace")


def train(config: FinetuneConfig, run: Path | None = None) -> dict[str, Any]:
    """What a fine-tune comes to, as far as it does not depend on the clock."""
    from vatt_harmony.finetune.train.run import finetune

    result = finetune(config, run)
    return {name: getattr(result, name) for name in FIGURES} | {"failures": result.failures}


def interrupted(config: FinetuneConfig, run: Path, rank: int) -> dict[str, Any]:
    """As `train`, but rank 1 is asked to stop in the middle of the second epoch."""
    from vatt_harmony.finetune.train.loop import Trainer
    from vatt_harmony.finetune.train.run import Stopped

    update = Trainer._update

    def stopping(self: Trainer, batches: Any) -> None:
        update(self, batches)
        if self.step == 3 and rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    Trainer._update = stopping
    with pytest.raises(Stopped, match="after step 4 of 6"):
        train(config, run)
    Trainer._update = update
    return train(config, run)


def both(rank: int, world_size: int, table: Path, zero: Path, runs: Path) -> list[dict[str, Any]]:
    plain = interrupted(table_recipe(table, **OPTIONS), runs / "ddp", rank)
    return [plain, interrupted(table_recipe(table, train__deepspeed=str(zero), **OPTIONS), runs / "zero", rank)]


def test_two_ranks_train_as_one_does_and_go_on_where_they_were_stopped(tmp_path: Path) -> None:
    table, zero = write_table(tmp_path / "table", train=19), tmp_path / "zero.json"
    (table.parent / "18.wav").write_bytes(b"no sound")
    shutil.rmtree(table.parent / "frames18")  # this clip is left out
    for number in range(8, 18):  # and these are silent: some batches of a rank have no sound at all
        (table.parent / f"{number}.wav").unlink()
    zero.write_text(json.dumps({"zero_optimization": {"stage": 2}}))
    alone = train(table_recipe(table, **OPTIONS))
    first, second = run_ranks(both, 2, tmp_path / "ranks", table, zero, tmp_path)
    assert first == second
    for found in first:
        told = found["failures"]["train"]  # of the last start
        assert told["audio: container open"] == 1 and set(told) == set(alone["failures"]["train"])
        for name in ("history", "trace"):
            for mine, its in zip(alone[name], found[name], strict=True):
                assert its == pytest.approx(mine, rel=1e-3, abs=1e-4)
        assert found["test"] == pytest.approx(alone["test"], rel=1e-3, abs=1e-4)
    assert (tmp_path / "zero" / "model" / "model.safetensors").is_file()
