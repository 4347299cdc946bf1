"""Rows 02.7 and 02.8, from the records of the study."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from vatt_harmony.figures import Figure
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measures
from vatt_harmony.scale.study.compare import mean
from vatt_harmony.scale.study.detect import Area, detect
from vatt_harmony.scale.study.protocol import (
    CONTROLS,
    CUDA_ARMS,
    CUDA_CLIPS,
    GROWTH_ARMS,
    GROWTH_TIMES,
    LEVEL,
    LEVELS,
    PRIMARY,
)
from vatt_harmony.scale.study.records import read_clips, read_grid, read_records
from vatt_harmony.scale.study.tables import ENDPOINT, at, growth, primary

RECORDS = Path(__file__).parents[3] / "docs" / "study"
"""The finished study, in a checkout."""
SCORES = (
    "one-visit cosine",
    "averaged cosine",
    "video-audio loss",
    "video-text loss",
    "losses together",
    "all together",
)
ON_GRID = ("cosine", "losses together", "all together")
CELLS = tuple((arm, share) for arm in (CONTROLS[0], PRIMARY) for share in sorted((LEVEL, *LEVELS))) + tuple(
    (arm, LEVEL) for arm in ("realign", "curriculum", "ledger", CONTROLS[1])
)
"""Arms and levels of faults that the table shows."""

FOUND = measures(
    "02.7",
    *((f"wrong against hard by {score}", ">= 0.9" if score == SCORES[-1] else "", "") for score in SCORES),
    ("all together minus losses together, lower end of 95 %", "> 0", ""),
    *((f"wrong against all others by {score}", "", "") for score in SCORES),
    ("swapped captions against hard by video-text loss", "", ""),
    ("swapped captions against hard by all together", "", ""),
    *((f"GRID, 30 % swapped sentences, by {score}", "", "") for score in ON_GRID),
)
LEARNED = measures(
    "02.8",
    (f"text-to-video R@1 at 30 % faults, {PRIMARY} minus {CONTROLS[0]}", "> 0", ""),
    ("p of it, Holm", "<= 0.05", ""),
    (f"text-to-video R@1 at 30 % faults, {PRIMARY} minus {CONTROLS[1]}", "> 0", ""),
    ("p of it, Holm", "<= 0.05", ""),
    *((f"R@1 at {100 * share:.0f} %, {arm}", "", "") for arm, share in CELLS),
    *(
        (f"R@1, 256 clean and {times} x 256 noisy clips, {arm}", "", "")
        for arm in GROWTH_ARMS
        for times in GROWTH_TIMES
    ),
)

ON_DEVICE = measures("02.8", *((f"R@1 at 30 % of {CUDA_CLIPS} clips, {arm}", "", "") for arm in CUDA_ARMS))


def found(folder: Path, options: Options) -> Sequence[Figure]:
    """Row 02.7: how well wrong clips are found on the half that nothing was fitted on."""
    columns, faults = read_clips(_existing(folder))
    hard, rest = detect(columns, faults, ("hard",)), detect(columns, faults, ("hard", ""))
    values: list[Area | float] = [hard.areas[score] for score in SCORES]
    values += [hard.gain.low, *(rest.areas[score] for score in SCORES)]
    values += [hard.by_fault[score]["caption swapped"] for score in ("video-text loss", "all together")]
    shown = [_filled(figure, value, len(faults) // 2) for figure, value in zip(FOUND, values, strict=False)]
    grid, left = read_grid(folder), FOUND[len(values) :]
    if grid is None:
        return [*shown, *left]
    return [*shown, *(_filled(figure, grid.areas[score]) for figure, score in zip(left, ON_GRID, strict=True))]


def learned(folder: Path, options: Options) -> Sequence[Figure]:
    """Row 02.8: the learning table."""
    records = read_records(_existing(folder))
    endpoint = primary(records)
    filled = []
    for place, control in enumerate(CONTROLS):
        result = endpoint.against[control]
        difference, p = LEARNED[2 * place], LEARNED[2 * place + 1]
        n = result.difference.n
        filled.append(replace(difference, value=result.difference.value, low=result.low, high=result.high, n=n))
        filled.append(replace(p, value=endpoint.adjusted[control], n=n))
    means = [mean(list(at(records, arm, share).values())) for arm, share in CELLS]
    means += [growth(records, arm)[times] for arm in GROWTH_ARMS for times in GROWTH_TIMES]
    for figure, value in zip(LEARNED[4:], means, strict=True):
        reach = 1.96 * value.error
        filled.append(replace(figure, value=value.value, low=value.value - reach, high=value.value + reach, n=value.n))
    return filled


def rows(folder: Path) -> tuple[Row, ...]:
    """Both rows, from the records in `folder`."""
    return (
        Row(id="02.7", title="faults found", takes="a minute", measures=FOUND, run=partial(found, folder)),
        Row(
            id="02.8",
            title="the learning table of the study",
            takes="seconds",
            measures=LEARNED,
            run=partial(learned, folder),
        ),
    )


def cuda_rows(folder: Path) -> tuple[Row, ...]:
    """Row 02.8 on a CUDA device: four arms of a larger model, one seed."""
    run = partial(learned_on_device, folder)
    return (Row(id="02.8", title="four arms of MA-Small", takes="seconds", measures=ON_DEVICE, run=run),)


def learned_on_device(folder: Path, options: Options) -> Sequence[Figure]:
    """Text-to-video R@1 of each arm, of the runs that are on record."""
    kept = {r["arm"]: r[ENDPOINT] for r in read_records(_existing(folder)) if r["train"] == CUDA_CLIPS}
    return [replace(figure, value=kept.get(arm), n=1) for figure, arm in zip(ON_DEVICE, CUDA_ARMS, strict=True)]


ROWS = rows(RECORDS)


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise NotRun(f"there are no records of the study in {folder}; vatt-harmony bench study makes them")
    return folder


def _filled(figure: Figure, value: Area | float, n: int | None = None) -> Figure:
    if isinstance(value, Area):
        return replace(figure, value=value.value, low=value.low, high=value.high, n=n)
    return replace(figure, value=value, n=n)
