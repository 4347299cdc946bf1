"""What a comparison comes to, and how it is said; pure functions of its records."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vatt_harmony.finetune.compare.records import Record
from vatt_harmony.finetune.compare.rows import ENSEMBLE, ONLY
from vatt_harmony.finetune.compare.statistics import Difference, paired, same_clips
from vatt_harmony.finetune.monitor.phase_out import tell_phase_out
from vatt_harmony.finetune.train.result import mean_and_error

Rows = Mapping[str, Sequence[Record]]
SHARES = ("accuracy", "f1", "map")
"""Figures that are told in percent."""


@dataclass(frozen=True)
class Sentence:
    """The finding; `strong` is what the eye should meet first."""

    lead: str
    strong: str
    rest: str

    def __str__(self) -> str:
        return self.lead + self.strong + self.rest


def reference_of(rows: Rows) -> str:
    """The row that others are compared with: all losses without balancing, which alone shows what balancing adds;
    else training without balancing, or the first row."""
    return next((name for name in ("multiloss", "none") if name in rows), next(iter(rows)))


def find(rows: Rows, figure: str) -> Sentence:
    """Whether the best rule is surely better than the reference."""
    reference = reference_of(rows)
    rules = [name for name in rows if name != reference and name != ENSEMBLE and not name.startswith(ONLY)]
    rules = [name for name in rules if same_clips(rows[name], rows[reference])]
    if not rules:
        return Sentence(f"{reference} reaches ", tell(figure, _mean(rows[reference], figure)), " on the test split.")
    sign = -1 if figure == "mse" else 1
    best = max(rules, key=lambda name: _rank(sign * _mean(rows[name], figure)))
    tied = [
        name for name in rules if name != best and math.isclose(_mean(rows[name], figure), _mean(rows[best], figure))
    ]
    ties = f" As good on average: {', '.join(tied)}." if tied else ""
    difference, seeds = paired(rows[best], rows[reference], figure), len(rows[best])
    if math.isnan(difference.low):
        told = f" reaches {tell(figure, _mean(rows[best], figure))}, {reference} "
        rest = f"{told}{tell(figure, _mean(rows[reference], figure))}: one seed tells nothing of chance.{ties}"
        return Sentence("", best, rest)
    interval = f"{span(figure, difference)}, {seeds} seeds"
    if difference.sure and sign * difference.mean > 0:
        gain = f"{best} is better than {reference} by {points(figure, abs(difference.mean))}"
        return Sentence("", gain, f" ({interval}).{ties}")
    lead = f"No rule is surely better than {reference}"
    return Sentence(
        "", lead, f": {best}, the best one, differs by {points(figure, difference.mean)} ({interval}).{ties}"
    )


def notes(rows: Rows, figure: str, data: Sequence[str]) -> list[str]:
    """What the finding rests on; `data`: what is known of the set."""
    trained = [record for name, records in rows.items() if name != ENSEMBLE for record in records]
    seeds = len({record.seed for record in trained})
    same = "seed" if seeds == 1 else f"{seeds} seeds"
    counts = " or ".join(f"{count:,}" for count in sorted({record.updates for record in trained}))
    told = [
        f"Every row was trained with the same {same} for {counts} optimizer steps, none stopped early; "
        "validation chose the epoch, and the test split was looked at once, at that epoch.",
        f"The figure is {figure}. Differences are paired by seed; intervals are Student's t, 95 %, over seeds alone: "
        "they say nothing of other clips than these.",
        "The best rule is named after the fact. Among many rules one is ahead by chance, and its interval does not "
        "know of the others.",
    ]
    if not all(same_clips(records, rows[reference_of(rows)]) for records in rows.values()):
        told.append("Rows are not all of the same test clips, as some clips lack a modality: the column clips counts "
                    "them. Between rows of other clips no difference is given.")  # fmt: skip
    if "multiloss" not in rows:
        told.append("Most rules add a loss for each modality, which helps by itself. What balancing adds to that shows "
                    "only beside a row multiloss, which is not here.")  # fmt: skip
    if any(name.startswith(ONLY) for name in rows):
        told.append("Rows `only` are networks of one modality, trained alone with the same number of steps; the "
                    "ensemble is the mean of their probabilities, and costs all of them together.")  # fmt: skip
    fading = tell_phase_out({name: [each.trace for each in records] for name, records in rows.items()})
    return [*told, *([fading] if fading else []), *data]


def tell(figure: str, value: float) -> str:
    """A figure as people read it."""
    return f"{100 * value:.1f} %" if figure in SHARES else f"{value:.4g}"


def points(figure: str, value: float) -> str:
    """A difference of two figures."""
    return f"{100 * value:.1f} points" if figure in SHARES else f"{value:.4g}"


def span(figure: str, difference: Difference) -> str:
    """Its interval."""
    scale, digits = (100, ".1f") if figure in SHARES else (1, ".4g")
    return f"{scale * difference.low:{digits}} to {scale * difference.high:{digits}}"


def _mean(records: Sequence[Record], figure: str) -> float:
    return mean_and_error([record.test[figure] for record in records])[0]


def _rank(value: float) -> float:
    return -math.inf if math.isnan(value) else value
