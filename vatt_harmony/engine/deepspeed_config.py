"""DeepSpeed's own configuration: read, checked for what would go wrong silently, completed by the batch sizes."""

import json
from typing import Any

from vatt_harmony.engine.config import shipped_file
from vatt_harmony.errors import UserError

_BATCH_KEYS = ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps")


def read_deepspeed(source: str | dict[str, Any]) -> dict[str, Any]:
    """The configuration as a mapping; from the JSON file's path or given inline."""
    if isinstance(source, dict):
        return dict(source)
    path = shipped_file(source)
    try:
        return dict(json.loads(path.read_text()))
    except OSError as error:
        raise UserError(
            f"engine.deepspeed: cannot read {source} ({error.strerror})",
            "DeepSpeed cannot start",
            "Give a DeepSpeed JSON file, such as configs/deepspeed/zero1.json",
        ) from error
    except ValueError as error:
        raise UserError(
            f"{path} is not JSON: {error}", "DeepSpeed cannot start", "Mend the line named above"
        ) from error


def complete(config: dict[str, Any], global_batch: int, world_size: int, clip: float) -> dict[str, Any]:
    """Add batch sizes and clipping, which have their one source in our configuration.

    Raises UserError where DeepSpeed would train something else than asked for: accumulation, stage 0 in half precision,
    a second source for clipping.
    """
    if config.get("gradient_accumulation_steps", 1) not in (1, "auto"):
        raise UserError(
            f"gradient_accumulation_steps is {config['gradient_accumulation_steps']}",
            "Contrastive losses would see only the negatives of one micro-batch: another gradient, silently",
            "Set it to 1 and raise stream.global_batch with more ranks, or model.checkpointing true",
        )
    for section in ("optimizer", "scheduler"):
        if section in config:
            raise UserError(
                f"The DeepSpeed configuration has a section {section!r}",
                "It would be ignored: optimizer and learning rate come from optim.*",
                "Remove the section and set optim.name, optim.lr, optim.warmup, optim.shape",
            )
    stage = config.get("zero_optimization", {}).get("stage", 0)
    half = [kind for kind in ("bf16", "fp16") if config.get(kind, {}).get("enabled")]
    if stage == 0 and half:
        raise UserError(
            f"ZeRO stage 0 with {half[0]}",
            "DeepSpeed would take an optimizer step with zero gradients at the start: step counter 1, decayed weights",
            "Use stage 1 (configs/deepspeed/zero1.json), or fp32 at stage 0",
        )
    given = config.get("gradient_clipping")
    if clip and given not in (None, "auto", 0, clip):
        raise UserError(
            f"optim.clip is {clip}, but gradient_clipping in the DeepSpeed configuration is {given}",
            "One of them would be ignored",
            "Give the norm in one place",
        )
    batch = {
        "train_batch_size": global_batch,
        "train_micro_batch_size_per_gpu": global_batch // world_size,
        "gradient_accumulation_steps": 1,
    }
    kept = {key: value for key, value in config.items() if key not in _BATCH_KEYS}
    return kept | batch | ({"gradient_clipping": clip} if clip else {})
