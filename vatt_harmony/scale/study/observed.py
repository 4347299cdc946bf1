"""What the visits of one run say about each clip: the columns that faults are searched by, and what cosines mean."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.scale.study.visits import Values, percentiles

SKIPPED = 0.125
"""Share of the run before anything counts: nothing has been learned yet."""
LATE = 0.5
COLUMNS = (
    "cosine", "cosine_late", "cosine_slope", "cosine_last", "cosine_rank",
    "log_norm_ratio", "norm_va_rank", "norm_vt_rank",
    "loss_va", "loss_vt", "loss_va_late", "loss_vt_late", "loss_va_slope", "loss_vt_slope",
    "loss_va_rank", "loss_vt_rank",
)  # fmt: skip
"""Averages over a clip's visits, over the late ones, late minus early; ranks are percentiles within each batch."""


@dataclass(kw_only=True)
class Observed:
    """Visits of a run, batch by batch."""

    rows: list[NDArray[np.int64]] = field(default_factory=list)
    cosines: list[Values] = field(default_factory=list)
    losses: list[Values] = field(default_factory=list)
    """`[B, 2]`: video-audio, video-text."""
    log_norms: list[Values] = field(default_factory=list)
    """`[B, 2]`."""
    same_look: list[NDArray[np.bool_]] = field(default_factory=list)
    """Whether the batch holds another clip that looks the same: a false negative."""
    tells_sound: list[NDArray[np.bool_]] = field(default_factory=list)
    """Whether the sentence tells the sound, which the picture does not show."""

    def columns(self, clips: int) -> NDArray[np.float32]:
        """`COLUMNS` of every clip `[N, C]`; NaN for a clip without a visit that counts."""
        visits = _Means(self.rows, clips)
        va, vt = (np.stack([batch[:, side] for batch in self.losses]) for side in (0, 1))
        norm_va, norm_vt = (np.stack([batch[:, side] for batch in self.log_norms]) for side in (0, 1))
        cosine = np.stack(self.cosines)
        columns = [
            visits.mean(cosine), visits.late(cosine), visits.slope(cosine), visits.last(cosine),
            visits.mean(_ranked(cosine)), visits.mean(norm_vt - norm_va),
            visits.mean(_ranked(norm_va)), visits.mean(_ranked(norm_vt)),
            visits.mean(va), visits.mean(vt), visits.late(va), visits.late(vt), visits.slope(va), visits.slope(vt),
            visits.mean(_ranked(va)), visits.mean(_ranked(vt)),
        ]  # fmt: skip
        return np.stack(columns, axis=1).astype(np.float32)

    def meanings(self, faults: NDArray[np.str_]) -> dict[str, float]:
        """Mean cosine and share of negative ones in the second half of the run, by what the visit was."""
        late = slice(int(LATE * len(self.rows)), None)
        cosine, fault = np.concatenate(self.cosines[late]), faults[np.concatenate(self.rows[late])]
        same, tells = np.concatenate(self.same_look[late]), np.concatenate(self.tells_sound[late])
        clean = fault == ""
        kinds = {kind or "clean": fault == kind for kind in np.unique(fault).tolist()} | {
            "clean, false negative in the batch": clean & same,
            "clean, no false negative": clean & ~same,
            "clean, sentence tells the sound": clean & tells,
            "clean, sentence does not": clean & ~tells,
        }
        means = {kind: float(cosine[those].mean()) for kind, those in kinds.items() if those.any()}
        negative = {f"{k}/negative": float((cosine[those] < 0).mean()) for k, those in kinds.items() if those.any()}
        return means | negative


class _Means:
    """Averages over the visits of each clip."""

    def __init__(self, rows: Sequence[NDArray[np.int64]], clips: int) -> None:
        self.rows, self.clips, self.steps = np.stack(rows), clips, len(rows)

    def mean(self, values: Values, first: float = SKIPPED, end: float = 1.0) -> Values:
        part = slice(int(first * self.steps), int(end * self.steps))
        rows = self.rows[part].ravel()
        count = np.bincount(rows, minlength=self.clips)
        sums = np.bincount(rows, values[part].ravel(), self.clips)
        means: Values = np.where(count > 0, sums / np.maximum(count, 1), np.nan)
        return means

    def late(self, values: Values) -> Values:
        return self.mean(values, LATE)

    def slope(self, values: Values) -> Values:
        return self.late(values) - self.mean(values, SKIPPED, LATE)

    def last(self, values: Values) -> Values:
        found = np.full(self.clips, np.nan)
        found[self.rows.ravel()] = values.ravel()  # of several assignments the last one stays
        return found


def _ranked(values: Values) -> Values:
    """Percentiles within each batch."""
    return np.stack([percentiles(batch) for batch in values])
