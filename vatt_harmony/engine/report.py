"""What one step hands to everything that watches the run; modalities and pairs appear only as names in it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

LEARNING = "1 learning"
HARMONY = "2 harmony"
DATA = "3 data"
SPEED = "4 speed"
HEALTH = "5 health"
LOOK = "6 look"
GROUPS = (LEARNING, HARMONY, DATA, SPEED, HEALTH, LOOK)


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One clip as it is shown to people."""

    key: str
    """Sample key."""
    frames: npt.NDArray[np.uint8]
    """A few frames in order, uint8 `[T, H, W, 3]`."""
    caption: str
    cosine: float | None = None
    """Agreement of its losses in [-1, 1], where known."""


@dataclass(frozen=True, kw_only=True)
class RetrievalRow:
    """A query and its best answers, best first; the answer with the query's key is the right one."""

    query: Clip
    answers: Sequence[tuple[Clip, float]]
    """(clip, similarity)."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """Pictures for the eye, made only every so many steps."""

    retrieval: Sequence[RetrievalRow] = ()
    conflicting: Sequence[Clip] = ()
    """Candidates for the five most conflicting clips; the monitor picks those of lowest cosine."""


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """One logged step, complete on rank 0."""

    step: int
    """Updates finished, this one included."""
    losses: Mapping[str, float]
    """By pair, and their sum as `total`."""
    scalars: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Group (one of `GROUPS`) → name (may hold slashes) → value."""
    cosines: Sequence[float] = ()
    """Of the samples of the global batch; NaN where a sample has no two losses to compare."""
    sources: Sequence[str] = ()
    """The source of each of `cosines`."""
    look: Look | None = None

    def __post_init__(self) -> None:
        unknown = set(self.scalars) - set(GROUPS)
        if unknown:
            raise ValueError(f"scalars, groups {sorted(unknown)}, some of {GROUPS}")
        if len(self.cosines) != len(self.sources):
            raise ValueError(f"sources, {len(self.sources)} entries, as many as cosines ({len(self.cosines)})")

    def flat(self) -> dict[str, float]:
        """All scalars under `group/name`, losses as `1 learning/loss/PAIR`, in a stable order."""
        losses = {f"{LEARNING}/loss/{name}": value for name, value in self.losses.items()}
        rest = {f"{group}/{name}": value for group in GROUPS for name, value in self.scalars.get(group, {}).items()}
        return losses | rest

    def cosines_by_source(self) -> dict[str, list[float]]:
        """The cosines that are numbers, by source, in alphabetical order; a source without any is left out."""
        by_source: dict[str, list[float]] = {source: [] for source in sorted(set(self.sources))}
        for cosine, source in zip(self.cosines, self.sources, strict=True):
            if math.isfinite(cosine):
                by_source[source].append(cosine)
        return {source: cosines for source, cosines in by_source.items() if cosines}
