"""What the records of the study on ESC-10 say: accuracies and paired differences, sure over recordings and seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.esc_study.protocol import ARMS, EXTENDED, FOLDS, LOG_MEL, SCRATCH, UNTRAINED, Arm
from vatt_harmony.scale.esc_study.records import Record, planned

Values = NDArray[np.float64]
DRAWS = 10_000
ADDED = "All six seeds, three of them added after the table above had been read:\n"


@dataclass(frozen=True)
class Answers:
    """One arm's answers to all sounds."""

    sounds: tuple[str, ...]
    right: Values
    """`[seeds, sounds]`, 0 or 1."""


def answers_of(records: Sequence[Record], arm: Arm) -> Answers:
    """Seeds and sounds in their order; raises ValueError where a seed has not classified the sounds of another."""
    seeds: dict[int, dict[str, int]] = {}
    for record in records:
        if record.arm == arm:
            seeds.setdefault(record.seed, {}).update(zip(record.sounds, record.right, strict=True))
    if not seeds or len({tuple(sorted(found)) for found in seeds.values()}) > 1:
        raise ValueError(f"the records of {arm.name} are not of the same sounds for every seed, or there are none")
    sounds = tuple(sorted(next(iter(seeds.values()))))
    return Answers(sounds, np.array([[found[s] for s in sounds] for _, found in sorted(seeds.items())], np.float64))


def accuracy(records: Sequence[Record], arm: Arm) -> Interval:
    """Percent of the sounds whose class was found."""
    found = answers_of(records, arm)
    return interval(100 * found.right, found.sounds)


def lead(records: Sequence[Record], one: Arm, other: Arm) -> Interval:
    """Accuracy of `one` minus `other`, paired by seed and sound, points of percent; an arm of one seed goes with all.

    Raises ValueError where they have not answered the same sounds.
    """
    first, second = answers_of(records, one), answers_of(records, other)
    if first.sounds != second.sounds:
        raise ValueError(f"{one.name} and {other.name} were not asked the same sounds")
    return interval(100 * (first.right - second.right), first.sounds)


def interval(values: Values, sounds: Sequence[str], draws: int = DRAWS) -> Interval:
    """Mean of `values` `[seeds, sounds]` and its 95 % bootstrap interval.

    Recordings are drawn with all sounds cut from them, and seeds, at once.
    """
    names, owner = np.unique([recording_of(sound) for sound in sounds], return_inverse=True)
    sums = np.stack([np.bincount(owner, row, len(names)) for row in values])
    generator = keyed_generator(0, "esc10 bootstrap")
    drawn = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    seeds = generator.multinomial(len(values), np.full(len(values), 1 / len(values)), size=draws)
    sizes = drawn @ np.bincount(owner, minlength=len(names))
    means = ((seeds @ sums) * drawn).sum(axis=1) / (len(values) * sizes)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high), len(sounds))


def recording_of(sound: str) -> str:
    """The recording from which a sound was cut: "100032" of "1-100032-A"."""
    return sound.split("-")[1]


def markdown(records: Sequence[Record]) -> str:
    """The tables of docs/balancing/esc10-tables.md."""
    first = _accuracies(planned(records), ARMS, (SCRATCH, UNTRAINED, LOG_MEL))
    return "\n".join([*first, "", *_choices(records), "", ADDED, *_accuracies(records, EXTENDED, (SCRATCH,)), ""])


def _accuracies(records: Sequence[Record], arms: Sequence[Arm], rivals: Sequence[Arm]) -> list[str]:
    lines = _head("arm", "accuracy", "by seed", *(f"minus {rival.name}" for rival in rivals))
    for arm in arms:
        by_seed = " ".join(f"{100 * mean:.1f}" for mean in answers_of(records, arm).right.mean(axis=1))
        leads = ["" if arm == rival else _told(lead(records, arm, rival), "+") for rival in rivals]
        lines.append(_line(arm.name, _told(accuracy(records, arm)), by_seed, *leads))
    return lines


def _choices(records: Sequence[Record]) -> list[str]:
    """What was tuned and its accuracy on the validation fold, of every fold."""
    lines = _head("arm", *(f"fold {fold}" for fold in FOLDS))
    tuned = {(r.arm, r.fold): r for r in records if r.validation is not None}
    for arm in ARMS:
        cells = []
        for record in (tuned[arm, fold] for fold in FOLDS):
            chosen = ", ".join(f"{name} {value:g}" for name, value in record.chosen.items())
            cells.append(f"{chosen}: {100 * (record.validation or 0):.1f}")
        lines.append(_line(arm.name, *cells))
    return lines


def _head(*cells: str) -> list[str]:
    return [_line(*cells), _line(*["---"] * len(cells))]


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _told(found: Interval, sign: str = "") -> str:
    return f"{found.value:{sign}.1f} ({found.low:{sign}.1f} … {found.high:{sign}.1f})"
