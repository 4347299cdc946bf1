"""Alignments under way, from one action to the next."""

from dataclasses import dataclass

from torch import Tensor

from vatt_harmony.align.history import Past


@dataclass(frozen=True, kw_only=True)
class State:
    """R alignments under way; several may be of the same sequence, as in a beam."""

    sequence: Tensor
    """Which of the encoded sequences each one aligns, int64 `[R]`."""
    left: Tensor
    """Items left on each stack, int64 `[R, S]`."""
    past: Past | None
    """None in a network without history."""

    def select(self, rows: Tensor) -> "State":
        """The alignments `rows` (int64 `[R']`), in that order, with repetitions."""
        return State(
            sequence=self.sequence[rows],
            left=self.left[rows],
            past=None if self.past is None else self.past.select(rows),
        )
