"""DeepSpeed's own configuration: read, checked for what would go wrong silently, completed by the batch sizes."""

import json
from typing import Any

from vatt_harmony.engine.config import shipped_file
from vatt_harmony.errors import UserError

_FP32 = ("fp32", "float32", "float", "torch.float32")
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


def complete(config: dict[str, Any], global_batch: int, world_size: int, clip: float, chunk: int = 0) -> dict[str, Any]:
    """Add batch sizes and clipping, which have their one source in our configuration; `chunk`: engine.chunk.

    Raises UserError where DeepSpeed would train something else than asked for: accumulation, stage 0 in half precision,
    sums of chunks rounded to half precision, a second source for clipping.
    """
    if config.get("gradient_accumulation_steps", 1) not in (1, "auto"):
        raise UserError(
            f"gradient_accumulation_steps is {config['gradient_accumulation_steps']}",
            "Contrastive losses would see only the negatives of one micro-batch: another gradient, silently",
            "Set it to 1 and give engine.chunk, the samples that a rank encodes at a time: the whole batch's gradient",
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
    if chunk:
        _check_sum(config, half)
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
    if "bf16" in half:
        kept["bf16"] = _with_heads(config["bf16"])
    # Always written: left out, DeepSpeed clips at norm 1.
    return kept | batch | {"gradient_clipping": clip or (0.0 if given in (None, "auto") else given)}


def _with_heads(bf16: dict[str, Any]) -> dict[str, Any]:
    """The section `bf16` with which DeepSpeed's BF16_Optimizer (stage 1, fp32 sums) keeps the heads' gradients.

    It clears all gradients when the backward reaches the engine's output z. Those of the heads, above z, are there by
    then: they must have been added to the fp32 sums at once.
    """
    if not bf16.get("immediate_grad_update", True):
        raise UserError(
            "bf16.immediate_grad_update is false",
            "DeepSpeed would clear the gradients of the heads before it has summed them: the heads would never learn",
            "Remove it from the DeepSpeed configuration",
        )
    return bf16 | {"immediate_grad_update": True}


def _check_sum(config: dict[str, Any], half: list[str]) -> None:
    """Raise UserError where the gradients of a step's chunks would not be summed as they are."""
    if half and config.get("data_types", {}).get("grad_accum_dtype") not in _FP32:
        raise UserError(
            f"engine.chunk with gradients summed in {half[0]}",
            "The sum over the chunks of a step would be rounded at every chunk",
            'Add "data_types": {"grad_accum_dtype": "fp32"} to the DeepSpeed configuration',
        )
    if not config.get("managed_gradient_accumulation", True):
        raise UserError(
            "engine.chunk with managed_gradient_accumulation false",
            "The step could not tell DeepSpeed which chunk is the last",
            "Remove managed_gradient_accumulation from the DeepSpeed configuration",
        )
