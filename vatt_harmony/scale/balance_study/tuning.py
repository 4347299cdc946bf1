"""The table of what each arm's settings gave on validation clips: how much tuning decides."""

from collections.abc import Sequence

import numpy as np

from vatt_harmony.scale.balance_study.arms import ALONE, Arm, Setting, arms
from vatt_harmony.scale.balance_study.compare import Table
from vatt_harmony.scale.balance_study.records import Record
from vatt_harmony.scale.balance_study.task import MODALITIES


def tuning(table: Table, task: str) -> list[str]:
    """Rows of Markdown: mean over folds of the validation accuracy of each setting, and how often it was chosen."""
    rows = []
    for arm in arms():
        own = [r for (of, name, _, _), r in table.items() if (of, name) == (task, arm.name) and r.trials]
        outputs = MODALITIES if arm.rule == ALONE else ("fused",)
        rows += [_row(arm, own, name) for name in outputs if own]
    return ["| arm | setting: validation accuracy (folds that chose it) |", "| --- | --- |", *rows]


def _row(arm: Arm, records: Sequence[Record], output: str) -> str:
    cells = []
    for place, setting in enumerate(arm.settings):
        accuracy = 100 * np.mean([record.trials[place].validation[output] for record in records])
        chosen = sum(record.chosen[output] == place for record in records)
        cells.append(f"{_named(setting)}: {accuracy:.1f} ({chosen})")
    name = arm.name if output == "fused" else f"{output} {arm.name}"
    return f"| {name} | {'; '.join(cells)} |"


def _named(setting: Setting) -> str:
    dial = next(iter(setting.options.values()), None)
    told = f"decay {setting.decay:g}" if dial is None else f"{next(iter(setting.options))} {dial}"
    return f"{setting.rate:g}, {told}"
