"""The reference's losses on two ranks are those of one, and the step drops the samples that are least learnable."""

from pathlib import Path

import torch
from support.batches import random_batch, rows_of, tiny_config, tiny_model
from support.ranks import run_ranks

from vatt_harmony.engine.launch import Process
from vatt_harmony.engine.reference import Reference
from vatt_harmony.engine.step import PretrainStep
from vatt_harmony.harmony.config import CurriculumConfig, HarmonyConfig
from vatt_harmony.harmony.scores import summed
from vatt_harmony.objective.config import ObjectiveConfig

CURRICULUM = CurriculumConfig(
    kind="quantile", score="learnability", reference="given", q0=0.5, t0=0, shape="constant", on_empty="zero"
)


def _step(rank: int, world_size: int) -> dict[str, torch.Tensor]:
    import deepspeed
    import deepspeed.ops

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    learner, other = tiny_model(dtype=torch.float32), tiny_model(seed=1, dtype=torch.float32)
    settings = {"train_batch_size": 16, "zero_optimization": {"stage": 1}, "steps_per_print": 10**9}
    optimizer = torch.optim.AdamW(learner.parameters(), lr=1e-3)
    engine, *_ = deepspeed.initialize(model=learner, optimizer=optimizer, config=settings, dist_init_required=False)
    process = Process(rank=rank, world_size=world_size, device=torch.device("cpu"))
    harmony = HarmonyConfig(curriculum=CURRICULUM)
    step = PretrainStep(engine, ObjectiveConfig(), harmony, process, lambda finished: 1e-3, 5, 0)
    step.reference = Reference(other, learner, ObjectiveConfig(), process, chunk=0)
    batch = rows_of(random_batch(16, tiny_config()), rank, world_size)
    reference = step.reference.per_sample_losses(batch)
    _, result = step(batch)
    losses = {name: values for name, values in result.per_sample.items() if name.startswith("loss_")}
    kept, cosine = result.per_sample["kept"], result.per_sample["cosine"]
    return {"reference": reference, "kept": kept, "score": summed(losses) - reference, "pair": ~cosine.isnan()}


def test_reference_on_ranks(tmp_path: Path) -> None:
    first, second = run_ranks(_step, 2, tmp_path)
    process = Process(rank=0, world_size=1, device=torch.device("cpu"))
    learner, other = tiny_model(dtype=torch.float32), tiny_model(seed=1, dtype=torch.float32)
    alone = Reference(other, learner, ObjectiveConfig(), process, chunk=0)
    expected = alone.per_sample_losses(random_batch(16, tiny_config()))
    torch.testing.assert_close(first["reference"], expected, rtol=1e-5, atol=1e-5)
    assert all(torch.equal(first[name], second[name]) for name in first)
    score, kept, pair = first["score"], first["kept"], first["pair"]
    assert kept[~pair].all() and (~kept).sum() == pair.sum() // 2 > 1
    assert score[~kept].max() < score[kept & pair].min()
