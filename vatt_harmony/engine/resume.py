"""What a resumed run may change, and what it must not."""

from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from vatt_harmony.config import to_mapping
from vatt_harmony.engine.config import RunConfig
from vatt_harmony.errors import UserError

# A sequence of samples, a model and its optimizer's moments go on, or it is another run.
FIXED = (
    "data.*", "stream.*", "model.*", "seed",
    "optim.name", "optim.betas", "optim.eps", "optim.weight_decay", "optim.no_decay",
    "harmony.ledger.enabled", "harmony.ledger.refresh",
)  # fmt: skip
# Of these, what changes no sample and no weight; moved shards are recognised by their digests.
FREE = (
    "data.sources.*.shards", "stream.workers", "stream.prefetch", "stream.failure_limit",
    "model.checkpointing", "model.timm", "model.timm_file",
)  # fmt: skip


def check_same_run(checkpoint: Path, config: RunConfig) -> list[str]:
    """What `config` changes against the checkpoint's own, as lines to show.

    Raises UserError that names what must not change.
    """
    try:
        saved = _flat(yaml.safe_load((checkpoint / "config.yaml").read_text()))
    except (OSError, AttributeError, yaml.YAMLError) as error:
        raise UserError(
            f"{checkpoint}/config.yaml cannot be read ({error})",
            "Nobody could tell whether the run would go on as it began",
            "Restore it from the run folder's config.yaml",
        ) from error
    now = _flat(to_mapping(config))
    changed = {
        key: f"{key} was {saved.get(key)!r}, is {now.get(key)!r}"
        for key in [*saved, *(key for key in now if key not in saved)]
        if saved.get(key) != now.get(key)
    }
    refused = [told for key, told in changed.items() if _matches(key, FIXED) and not _matches(key, FREE)]
    if refused:
        raise UserError(
            f"{'; '.join(refused[:5])}{'; …' if len(refused) > 5 else ''} (checkpoint {checkpoint})",
            "The run would not go on as it began",
            f"Restore the old values, or start another run from its weights: --run OTHER --init {checkpoint}",
        )
    return list(changed.values())


def check_partitions(checkpoint: Path, state: Mapping[str, Any], stage: int, ranks: int) -> None:
    """Raises UserError where DeepSpeed's partitions of the optimizer were cut for another stage or number of ranks."""
    anew = f"or start another run from its weights: --run OTHER --init {checkpoint}"
    if state["zero_stage"] != stage:
        raise UserError(
            f"{checkpoint} was written at ZeRO stage {state['zero_stage']}, this run uses stage {stage}",
            "The optimizer's partitions do not fit",
            f"Resume with stage {state['zero_stage']}, {anew}",
        )
    if stage > 0 and state["world_size"] != ranks:
        raise UserError(
            f"{checkpoint} was written by {state['world_size']} ranks at ZeRO stage {stage}, this run has {ranks}",
            "The optimizer's partitions do not fit",
            f"Resume on {state['world_size']} ranks, {anew}",
        )


def _matches(key: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(key, pattern) for pattern in patterns)


def _flat(mapping: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys; tuples as the lists that YAML makes of them."""
    flat: dict[str, Any] = {}
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{where}{key}.")
        else:
            flat[f"{where}{key}"] = value
    return flat
