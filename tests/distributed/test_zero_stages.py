"""DeepSpeed at every ZeRO stage gives the first averaged gradient of a single torch process."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support.batches import random_batch, rows_of, tiny_config, tiny_model
from support.ranks import run_ranks

from vatt_harmony.engine.deepspeed_config import complete
from vatt_harmony.engine.encode import encode
from vatt_harmony.engine.surrogate import gather, judge, surrogate
from vatt_harmony.errors import UserError
from vatt_harmony.harmony.config import CurriculumConfig, HarmonyConfig
from vatt_harmony.harmony.harmonizer import HarmonyState
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.stream.batch import Batch

HARMONY = HarmonyConfig(curriculum=CurriculumConfig(kind="quantile", q0=0.3, t0=0, shape="constant"))
CONFIG = tiny_config(checkpointing=True)
CPU = torch.device("cpu")
CELLS = [(stage, "fp32") for stage in (0, 1, 2, 3)] + [(s, half) for s in (1, 2, 3) for half in ("bf16", "fp16")]


def batches() -> dict[str, Batch]:
    """A mixed batch, one whose first half (rank 0) has no text, one whose second half (rank 1) has no sound."""
    mixed, no_text, no_sound = (random_batch(8, CONFIG, seed=5) for _ in range(3))
    no_text.text_mask[:4] = False
    no_sound.audio_mask[4:] = False
    return {"mixed": mixed, "rank 0 without text": no_text, "rank 1 without sound": no_sound}


def step(forward: Any, model: Any, batch: Batch, rank: int, world_size: int) -> torch.Tensor:
    dtype = next(model.parameters()).dtype
    encoded = encode(forward, replace(batch, audio=batch.audio.to(dtype)), CPU)
    gathered = gather(encoded, HARMONY.kernel_branches(model.shared_branches), rank, world_size)
    judged = judge(gathered, model.head_stage, ObjectiveConfig(), HARMONY, model.shared_branches, HarmonyState(), 0)
    return surrogate(encoded, gathered, judged, model.head_stage, ObjectiveConfig())


def reference(batch: Batch, dtype: torch.dtype) -> torch.Tensor:
    """One torch process that computes the trunk in `dtype`: half precision itself is not what is tested here."""
    model = tiny_model(CONFIG, dtype=dtype)
    scale = 2.0**8 if dtype == torch.float16 else 1.0
    (step(model, model, batch, 0, 1) * scale).backward()
    return torch.cat([p.grad.float().flatten() for p in model.parameters() if p.grad is not None]) / scale


def engine_gradients(rank: int, world_size: int) -> dict[tuple[int, str, str], torch.Tensor]:
    import deepspeed
    import deepspeed.ops
    from deepspeed.accelerator import get_accelerator
    from deepspeed.utils import safe_get_full_grad

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    # DeepSpeed refuses fp16 on processors without fp16 instructions; torch computes it on all of them.
    get_accelerator().is_fp16_supported = lambda: True
    deepspeed.init_distributed("gloo", verbose=False)
    results = {}
    for stage, precision in CELLS:
        model = tiny_model(CONFIG, dtype=torch.float32)
        zero = {"stage": stage, "stage3_param_persistence_threshold": 0}
        settings: dict[str, Any] = {"zero_optimization": zero}
        if precision != "fp32":
            settings[precision] = {"enabled": True} | ({"initial_scale_power": 8} if precision == "fp16" else {})
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.0)
        engine, *_ = deepspeed.initialize(
            model=model, optimizer=optimizer, config=complete(settings, 8, world_size, 0.0), dist_init_required=False
        )
        for name, batch in batches().items():
            scalar = step(engine, engine.module, rows_of(batch, rank, world_size), rank, world_size)
            engine.backward(scalar)
            scale = engine.optimizer.loss_scale if precision == "fp16" else 1.0
            parts = []
            for parameter in engine.module.parameters():
                gradient = parameter.grad if stage == 0 else safe_get_full_grad(parameter)
                assert gradient is not None
                parts.append(gradient.float().flatten().clone() / scale)
            results[stage, precision, name] = torch.cat(parts)
            engine.step()
        engine.destroy()
    return results


def test_every_stage_gives_the_gradient_of_one_process(tmp_path: Path) -> None:
    (first, second) = run_ranks(engine_gradients, 2, tmp_path)
    bounds = {"fp32": (torch.float32, 1e-6), "bf16": (torch.bfloat16, 1e-2), "fp16": (torch.float16, 1e-2)}
    for (stage, precision, name), found in first.items():
        dtype, bound = bounds[precision]
        wanted = reference(batches()[name], dtype)
        error = float((found - wanted).norm() / wanted.norm())
        print(stage, precision, name, error)
        assert error <= bound, (stage, precision, name, error)
        assert torch.equal(found, second[stage, precision, name])


@pytest.mark.parametrize("half", ["bf16", "fp16"])
def test_stage_0_in_half_precision_is_refused(half: str) -> None:
    with pytest.raises(UserError, match=f"stage 0 with {half}"):
        complete({half: {"enabled": True}}, 8, 2, 0.0)


def test_accumulation_is_refused() -> None:
    with pytest.raises(UserError, match="gradient_accumulation_steps is 4"):
        complete({"gradient_accumulation_steps": 4}, 8, 2, 0.0)
