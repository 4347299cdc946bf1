"""Rows 01.6 and 01.13: DeepSpeed at every ZeRO stage gives the first averaged gradient of a single torch process."""

import functools
from typing import Any

import torch
from torch import Tensor

from vatt_harmony.engine.deepspeed_config import complete
from vatt_harmony.figures import Figure
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.scale.bench.harmonized import QUANTILE, relative, step_scalar
from vatt_harmony.scale.bench.suite import Options, Row, measured, measures
from vatt_harmony.scale.ranks import run_ranks
from vatt_harmony.scale.tiny import random_batch, rows_of, tiny_config, tiny_model, with_audio
from vatt_harmony.stream.batch import Batch

HARMONY = HarmonyConfig(curriculum=QUANTILE)
CONFIG = tiny_config(checkpointing=True)
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
CELLS = [(stage, "fp32") for stage in (0, 1, 2, 3)] + [(s, half) for s in (1, 2, 3) for half in ("bf16", "fp16")]
LOSS_SCALE_POWER = 8
Cell = tuple[int, str, str]


def batches() -> dict[str, Batch]:
    """A mixed batch, one whose first half (rank 0) has no text, one whose second half (rank 1) has no sound."""
    mixed, no_text, no_sound = (random_batch(8, CONFIG, seed=5) for _ in range(3))
    no_text.text_mask[:4] = False
    no_sound.audio_mask[4:] = False
    return {"mixed": mixed, "rank without text": no_text, "rank without sound": no_sound}


def reference(batch: Batch, dtype: torch.dtype) -> Tensor:
    """One torch process that computes the trunk in `dtype`: half precision itself is not what is measured here."""
    model = tiny_model(CONFIG, dtype=dtype)
    scale = 2.0**LOSS_SCALE_POWER if dtype == torch.float16 else 1.0
    scalar, _, _ = step_scalar(model, model, with_audio(batch, dtype), HARMONY)
    torch.autograd.backward(scalar * scale)
    return torch.cat([p.grad.float().flatten() for p in model.parameters() if p.grad is not None]) / scale


def engine_gradients(rank: int, world_size: int) -> dict[Cell, Tensor]:
    """(stage, precision, batch) -> averaged gradient of all parameters, from DeepSpeed. All ranks must call it."""
    import deepspeed
    import deepspeed.ops
    from deepspeed.accelerator import get_accelerator

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    # DeepSpeed refuses fp16 on processors without fp16 instructions; torch computes it on all of them.
    get_accelerator().is_fp16_supported = lambda: True
    deepspeed.init_distributed("gloo", verbose=False)
    results = {}
    for stage, precision in CELLS:
        model = tiny_model(CONFIG, dtype=torch.float32)
        engine, *_ = deepspeed.initialize(
            model=model,
            optimizer=torch.optim.AdamW(model.parameters(), lr=0.0),
            config=complete(_settings(stage, precision), 8, world_size, 0.0),
            dist_init_required=False,
        )
        for name, batch in batches().items():
            results[stage, precision, name] = _engine_gradient(
                engine, with_audio(rows_of(batch, rank, world_size), DTYPES[precision]), rank, world_size
            )
        engine.destroy()
    return results


@functools.cache
def gradient_errors() -> dict[Cell, float]:
    """(stage, precision, batch) -> relative error of the averaged gradient on 2 ranks; infinite if ranks differ."""
    first, second = run_ranks(engine_gradients, 2)
    given = batches()
    wanted = {(p, name): reference(given[name], DTYPES[p]) for p in DTYPES for name in given}
    return {
        (stage, precision, name): relative(found, wanted[precision, name])
        if torch.equal(found, second[stage, precision, name])
        else float("inf")
        for (stage, precision, name), found in first.items()
    }


def _settings(stage: int, precision: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"zero_optimization": {"stage": stage, "stage3_param_persistence_threshold": 0}}
    if precision == "bf16":
        # Sums in fp32, as in configs/deepspeed: at stage 1 that is another optimizer of DeepSpeed's.
        settings |= {"bf16": {"enabled": True}, "data_types": {"grad_accum_dtype": "fp32"}}
    if precision == "fp16":
        settings["fp16"] = {"enabled": True, "initial_scale_power": LOSS_SCALE_POWER}
    return settings


def _engine_gradient(engine: Any, batch: Batch, rank: int, world_size: int) -> Tensor:
    from deepspeed.utils import safe_get_full_grad

    scalar, _, _ = step_scalar(engine, engine.module, batch, HARMONY, rank, world_size)
    engine.backward(scalar)
    scale = engine.optimizer.loss_scale if engine.fp16_enabled() else 1.0
    stage = engine.zero_optimization_stage()
    parts = [p.grad if stage == 0 else safe_get_full_grad(p) for p in engine.module.parameters()]
    flat = torch.cat([part.float().flatten() for part in parts]) / scale
    engine.step()
    return flat


STAGES = measures(
    "01.6",
    ("ZeRO 0-3, fp32: largest relative error of the averaged gradient", "<= 1e-6", ""),
    ("ZeRO 1-3, bf16: largest relative error of the averaged gradient", "<= 1e-2", ""),
    ("ZeRO 1-3, fp16: largest relative error of the averaged gradient", "<= 1e-2", ""),
)
MISSING = measures(
    "01.13",
    ("one of 2 ranks without text, ZeRO 0-3, fp32: largest relative error of the gradient", "<= 1e-6", ""),
    ("one of 2 ranks without sound, ZeRO 0-3, fp32: largest relative error of the gradient", "<= 1e-6", ""),
)


def run_stages(options: Options) -> list[Figure]:
    """All stages and number types, all batches."""
    errors = gradient_errors()
    worst = [max(error for cell, error in errors.items() if cell[1] == precision) for precision in DTYPES]
    return measured(STAGES, *worst)


def run_missing(options: Options) -> list[Figure]:
    """A rank that has nothing of a modality."""
    errors = gradient_errors()
    kinds = ("rank without text", "rank without sound")
    return measured(MISSING, *[max(e for c, e in errors.items() if c[1:] == ("fp32", kind)) for kind in kinds])


STAGES_ROW = Row(
    id="01.6", title="ZeRO 0-3 against one process", takes="half a minute", measures=STAGES, run=run_stages
)
MISSING_ROW = Row(
    id="01.13",
    title="one of 2 ranks without a modality",
    takes="half a minute, nothing after 01.6",
    measures=MISSING,
    run=run_missing,
)
