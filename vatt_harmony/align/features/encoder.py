"""What `align prepare` asks of whatever makes features."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from vatt_harmony.align.sequence import AlignmentSequence, Features


@dataclass(frozen=True)
class Rows:
    """Features of N items."""

    features: Features
    """`[N, D]`."""
    joint: Features | None = None
    """`[N, J]`, in a space that clips and sentences share."""


class ClipEncoder(Protocol):
    """Features of clips."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the features of some clip would."""

    def clips(self, film: AlignmentSequence) -> Iterable[Rows | str]:
        """One row for each clip of a film in order, or the reason why it has none.

        Raises MediaError when nothing at all can be read.
        """


class TextEncoder(Protocol):
    """Features of sentences."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the features of some sentence would."""

    def texts(self, film: str, texts: Sequence[str]) -> Rows:
        """Rows of the sentences of a film, each of which holds a letter or a digit."""
