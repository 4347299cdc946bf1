"""Mistakes that can be told before torch and what builds on it are imported, which takes many seconds."""

from collections.abc import Sequence
from pathlib import Path

from vatt_harmony.config import load_config, shipped_file
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.finetune.sets import load_set


def check_early(recipe: Path, overrides: Sequence[str], run: Path) -> None:
    """Read the recipe, and for a new run its table; raises UserError for what is wrong with either.

    Other sets are read once only: their lists may be long. A run that was begun may outlive its data.
    """
    config = load_config(FinetuneConfig, shipped_file(str(recipe)), overrides)
    if not run.exists() and (config.data.set == "table" or not Path(config.data.root).exists()):
        load_set(config.data, config.task.kind)
