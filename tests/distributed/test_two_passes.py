"""Several backwards a step: DeepSpeed at every ZeRO stage sums the chunks of all ranks to the gradient of one process.

The ranks keep different numbers of samples, or one of them keeps nothing; in every batch some chunk is a dummy.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from support.ranks import run_ranks
from torch import Tensor

from vatt_harmony.engine.deepspeed_config import complete
from vatt_harmony.engine.launch import Process
from vatt_harmony.engine.passes import TwoPass
from vatt_harmony.engine.step import PretrainStep
from vatt_harmony.engine.surrogate import gather, judge, surrogate
from vatt_harmony.harmony.state import HarmonyState
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.scale.bench.cached import HALF
from vatt_harmony.scale.bench.harmonized import OBJECTIVE, harmonized_backward
from vatt_harmony.scale.tiny import random_batch, rows_of, tiny_config, tiny_model, with_audio
from vatt_harmony.stream.batch import Batch

CONFIG = tiny_config()
CHUNK, STEPS = 1, 3
BF16 = {"bf16": {"enabled": True}, "data_types": {"grad_accum_dtype": "fp32"}}
OFFLOAD = {"offload_optimizer": {"device": "cpu"}}
CELLS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    **{f"stage {stage}": ({"stage": stage}, {}) for stage in (0, 1, 2, 3)},
    **{f"stage {stage}, bf16": ({"stage": stage}, BF16) for stage in (1, 2)},
    "stage 1, overlap": ({"stage": 1, "overlap_comm": True}, {}),
    "stage 2, offload": ({"stage": 2} | OFFLOAD, {"zero_force_ds_cpu_optimizer": False}),
    "stage 3, offload": ({"stage": 3} | OFFLOAD, {"zero_force_ds_cpu_optimizer": False}),
}


def batches() -> dict[str, Batch]:
    """One whose ranks keep different numbers, one whose second half is empty."""
    unequal, alone = (random_batch(8, CONFIG, seed=seed, missing=False) for seed in (5, 6))
    for mask in (alone.video_mask, alone.audio_mask, alone.text_mask):
        mask[4:] = False
    return {"unequal": unequal, "alone": alone}


def reference(batch: Batch, dtype: torch.dtype) -> Tensor:
    model = tiny_model(CONFIG, dtype=dtype)
    harmonized_backward(model, with_audio(batch, dtype), HALF)
    return torch.cat([p.grad.float().flatten() for p in model.parameters() if p.grad is not None])


def _engine(zero: dict[str, Any], more: dict[str, Any], rate: float, world_size: int) -> Any:
    import deepspeed

    model = tiny_model(CONFIG, dtype=torch.float32)
    engine, *_ = deepspeed.initialize(
        model=model,
        optimizer=torch.optim.AdamW(model.parameters(), lr=rate),
        config=complete(
            {"zero_optimization": zero | {"stage3_param_persistence_threshold": 0}, "steps_per_print": 10**9} | more,
            8, world_size, 0.0, CHUNK,
        ),
        dist_init_required=False,
    )  # fmt: skip
    return engine


def _gradient(engine: Any, batch: Batch, rank: int, world_size: int) -> tuple[Tensor, list[int]]:
    """The averaged gradient of a step and how many rows of video this rank encoded in each chunk."""
    from deepspeed.utils import safe_get_full_grad

    passes, model = TwoPass(engine, torch.device("cpu"), CHUNK, 0.0), engine.module
    encoded = passes.encode(batch)
    gathered = gather(encoded, HALF.kernel_branches(model.shared_branches), rank, world_size)
    stage = engine.zero_optimization_stage()
    judged = judge(
        gathered, model.head_stage, OBJECTIVE, HALF, model.shared_branches, HarmonyState(), 0, heads=stage < 3
    )
    real = []
    for part in passes.parts(batch, encoded, gathered, judged):
        real.append(len(part.encoded.rows["video"]) if part.encoded.exists.get("video") else 0)
        engine.set_gradient_accumulation_boundary(part.last)
        engine.backward(surrogate(part.encoded, gathered, judged, model.head_stage, OBJECTIVE, part.share))
    parts = [p.grad if stage == 0 else safe_get_full_grad(p) for p in model.parameters()]
    flat = torch.cat([part.float().flatten() for part in parts])
    engine.step()
    return flat, real


def _losses(zero: dict[str, Any], rank: int, world_size: int, chunk: int) -> list[float]:
    """Totals of some steps of training."""
    engine = _engine(zero, {}, 1e-2, world_size)
    process = Process(rank=rank, world_size=world_size, device=torch.device("cpu"))
    step = PretrainStep(engine, ObjectiveConfig(), HALF, process, lambda finished: 1e-2, 5, 0, chunk)
    found = [float(step(rows_of(random_batch(8, CONFIG, seed=n), rank, world_size))[0]["total"]) for n in range(STEPS)]
    engine.destroy()
    return found


def _rank(rank: int, world_size: int) -> dict[str, Any]:
    import deepspeed
    import deepspeed.ops

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed("gloo", verbose=False)
    found: dict[str, Any] = {}
    for cell, (zero, more) in CELLS.items():
        engine = _engine(zero, more, 0.0, world_size)
        dtype = torch.bfloat16 if more is BF16 else torch.float32
        for _ in range(2):  # what a step leaves behind must not be in the next
            for name, batch in batches().items():
                own = with_audio(rows_of(batch, rank, world_size), dtype)
                found[cell, name] = _gradient(engine, own, rank, world_size)
        engine.destroy()
    for stage in (0, 3):
        found["losses", stage] = [_losses({"stage": stage}, rank, world_size, chunk) for chunk in (0, 3)]
    return found


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run_ranks(_rank, 2, Path(tmp_path_factory.mktemp("two_passes")))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", list(batches()))
def test_the_gradient_is_that_of_one_process(ranks: list[dict[str, Any]], cell: str, name: str) -> None:
    half = "bf16" in cell
    wanted = reference(batches()[name], torch.bfloat16 if half else torch.float32)
    found, _ = ranks[0][cell, name]
    assert torch.equal(found, ranks[1][cell, name][0])
    assert float((found - wanted).norm() / wanted.norm()) <= (2e-2 if half else 1e-5)


def test_ranks_that_keep_different_numbers_make_the_same_number_of_chunks(ranks: list[dict[str, Any]]) -> None:
    (_, first), (_, second) = (rank["stage 2", "unequal"] for rank in ranks)
    assert len(first) == len(second) and sum(first) != sum(second)
    (_, first), (_, second) = (rank["stage 2", "alone"] for rank in ranks)
    assert len(first) == len(second) > 1 and sum(first) > 0 == sum(second)


@pytest.mark.parametrize("stage", [0, 3])
def test_training_goes_the_same_way_in_chunks(ranks: list[dict[str, Any]], stage: int) -> None:
    one_pass, chunked = ranks[0]["losses", stage]
    assert chunked == pytest.approx(one_pass, rel=1e-4)
