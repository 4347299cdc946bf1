"""A NaN in one sample: nobody takes the step, the sample is named, training goes on; a series of them ends the run."""

import logging
from pathlib import Path

import pytest
import torch
from support.batches import random_batch, rows_of, tiny_config, tiny_model
from support.ranks import run_ranks

from vatt_harmony.engine.launch import Process
from vatt_harmony.engine.step import PretrainStep
from vatt_harmony.errors import UserError
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.objective.config import ObjectiveConfig

PATIENCE, BAD = 5, "s/6"


def _train(rank: int, world_size: int) -> dict[str, object]:
    import deepspeed
    import deepspeed.ops

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())
    logging.getLogger("vatt_harmony").addHandler(handler)
    model = tiny_model(dtype=torch.float32)
    settings = {"train_batch_size": 8, "zero_optimization": {"stage": 1}, "steps_per_print": 10**9}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=settings, dist_init_required=False)
    process = Process(rank=rank, world_size=world_size, device=torch.device("cpu"))
    step = PretrainStep(engine, ObjectiveConfig(), HarmonyConfig(), process, lambda finished: 1e-3, PATIENCE, 0)
    taken, moved, ended = [], [], ""
    for number, good in enumerate([True, False, True, *[False] * PATIENCE]):
        batch = random_batch(8, tiny_config(), seed=number, missing=False)
        if not good:
            batch.audio[6] = float("nan")  # all of it: DropToken may drop a part
        before = [parameter.detach().clone() for parameter in model.parameters()]
        try:
            _, result = step(rows_of(batch, rank, world_size))
        except UserError as error:
            ended = str(error)
            break
        taken.append(result.taken)
        moved.append(any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)))
    finite = all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters())
    return {"taken": taken, "moved": moved, "ended": ended, "told": told, "finite": finite, "done": step.finished}


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    return run_ranks(_train, 2, Path(tmp_path_factory.mktemp("nan")))


def test_the_step_is_left_out_on_all_ranks_and_training_goes_on(ranks):
    for rank in ranks:
        assert rank["taken"] == rank["moved"] == [True, False, True] + [False] * (PATIENCE - 1)
        assert rank["finite"]


def test_the_loss_and_the_sample_are_named(ranks):
    first, second = ranks
    assert any("step 2 left out" in line and "representation of audio" in line for line in first["told"])
    assert not any(BAD in line for line in first["told"])  # the sample is another rank's
    assert any(BAD in line and "s/5" not in line for line in second["told"])


def test_five_in_a_row_end_the_run_on_all_ranks(ranks):
    for rank in ranks:
        assert rank["ended"].startswith("5 steps in a row gave values that are not finite")
        assert rank["done"] == 2 + PATIENCE
