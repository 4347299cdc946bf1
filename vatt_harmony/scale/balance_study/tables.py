"""The tables of docs/balancing/tables.md, from the records."""

from collections.abc import Sequence

import numpy as np

from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.scale.balance_study.arms import ALONE, JOINT, MULTILOSS, Arm, arms, family
from vatt_harmony.scale.balance_study.compare import Reading, Table, fused, hits, output, probed, table_of, two_way
from vatt_harmony.scale.balance_study.data import TASKS
from vatt_harmony.scale.balance_study.records import Record
from vatt_harmony.scale.balance_study.task import MODALITIES
from vatt_harmony.scale.balance_study.tuning import tuning

HEAD = (
    "arm", "accuracy", "minus joint", "minus multiloss", "probe picture", "probe sound", "weaker probe minus alone",
    "only picture, sound", "value of picture, sound", "mean k picture, sound", "CPU s",
)  # fmt: skip


def accuracy(table: Table, task: str, arm: str, reading: Reading = fused) -> Interval:
    """Mean over test clips and seeds, percent."""
    return two_way(hits(table, task, arm, reading))


def lead(table: Table, task: str, arm: Arm, rival: str) -> Interval:
    """The arm's fused output minus that of `joint` or `multiloss` with the same optimiser, points."""
    other = family(arm.optimizer, rival)
    return two_way(hits(table, task, arm.name, fused) - hits(table, task, other, fused))


def probe_lead(table: Table, task: str, arm: Arm) -> Interval:
    """The probe of the weaker encoder minus the same probe of that encoder trained alone, points."""
    weaker = weaker_modality(table, task)
    other = family(arm.optimizer, ALONE)
    return two_way(hits(table, task, arm.name, probed(weaker)) - hits(table, task, other, probed(weaker)))


def weaker_modality(table: Table, task: str) -> str:
    """The one whose networks trained alone do worse on validation clips, over both optimisers."""
    means = {
        m: np.mean([
            trial.validation[m]
            for (of, _, _, _), record in table.items() if of == task and m in record.chosen
            for trial in record.trials
        ])
        for m in MODALITIES
    }  # fmt: skip
    return min(MODALITIES, key=lambda m: means[m])


def markdown(records: Sequence[Record]) -> str:
    """One table for every task."""
    table = table_of(records)
    return "\n\n".join(_task(table, task) for task in TASKS) + "\n"


def _task(table: Table, task: str) -> str:
    weaker = weaker_modality(table, task)
    known = {arm for of, arm, _, _ in table if of == task}
    lines = [f"## {task}", "", f"Weaker modality: {weaker}.", "", line(HEAD), line(["---"] * len(HEAD))]
    for arm in arms():
        if arm.name in known:
            lines += _alone(table, task, arm) if arm.rule == ALONE else [_arm(table, task, arm)]
    return "\n".join([*lines, "", "Tuning, first seed:", "", *tuning(table, task)])


def _alone(table: Table, task: str, arm: Arm) -> list[str]:
    """A row for each modality and one for the ensemble; probes in the latter."""
    rows = [
        line([f"{m} {arm.name}", told(accuracy(table, task, arm.name, output(m))), *[""] * (len(HEAD) - 2)])
        for m in MODALITIES
    ]
    probes = [told(accuracy(table, task, arm.name, probed(m))) for m in MODALITIES]
    ensemble = hits(table, task, arm.name, output("ensemble"))
    leads = [
        told(two_way(ensemble - hits(table, task, family(arm.optimizer, rival), fused)), "+")
        for rival in (JOINT, MULTILOSS)
    ]
    name = f"ensemble of both, {arm.optimizer}"
    return [*rows, line([name, told(two_way(ensemble)), *leads, *probes, "", "", "", "", _seconds(table, task, arm)])]


def _arm(table: Table, task: str, arm: Arm) -> str:
    own = [record for (of, name, _, _), record in table.items() if (of, name) == (task, arm.name)]
    means = np.mean([np.mean(record.k, 0) for record in own], 0) if own[0].k else []
    total = accuracy(table, task, arm.name)
    only = [100 * float(np.mean([record.only[m] for record in own])) for m in MODALITIES]
    return line([
        arm.name,
        told(total),
        *(
            "" if arm.name == family(arm.optimizer, rival) else told(lead(table, task, arm, rival), "+")
            for rival in (JOINT, MULTILOSS)
        ),
        *(told(accuracy(table, task, arm.name, probed(m))) for m in MODALITIES),
        told(probe_lead(table, task, arm), "+"),
        _pair(only, ".1f"),
        _pair(_shapley(total.value, only), ".1f"),
        _pair(means, ".2f"),
        _seconds(table, task, arm),
    ])  # fmt: skip


def _shapley(total: float, only: Sequence[float]) -> tuple[float, float]:
    """What each of two modalities adds to the accuracy, on average over both orders; nothing at all counts 0."""
    first, second = only
    return (first + total - second) / 2, (second + total - first) / 2


def _pair(values: Sequence[float], digits: str) -> str:
    return ", ".join(f"{value:{digits}}" for value in values)


def _seconds(table: Table, task: str, arm: Arm) -> str:
    """Of one training with its test, mean over the seeds that tried no settings."""
    spent = [r.cpu_seconds for (of, name, _, _), r in table.items() if (of, name) == (task, arm.name) and not r.trials]
    return f"{np.mean(spent):.2f}" if spent else ""


def line(cells: Sequence[str]) -> str:
    """A row of Markdown."""
    return "| " + " | ".join(cells) + " |"


def told(interval: Interval, sign: str = "") -> str:
    """A mean with its interval."""
    return f"{interval.value:{sign}.1f} ({interval.low:{sign}.1f} … {interval.high:{sign}.1f})"
