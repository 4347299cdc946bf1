"""What could not be read, by reason: the first of a kind is told at once, and a run that reads nothing stops."""

import logging
from collections import Counter

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.collate import Failure, FinetuneBatch

logger = logging.getLogger(__name__)

PATIENCE = 50
"""Clips that fail before the first one that can be read, after which a run stops."""


class Unreadable:
    """Counts the failures in batches; a clip that fails in every epoch is counted once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts: Counter[str] = Counter()
        self.failed: set[Failure] = set()
        self._read = 0

    def add(self, batch: FinetuneBatch) -> None:
        """Take the account of one batch; raises UserError when PATIENCE clips failed and none could be read."""
        self._read += len(batch)
        used = set(batch.keys)
        for key, reason in batch.failures:
            if (key, reason) in self.failed:
                continue
            self.failed.add((key, reason))
            self.counts[reason] += 1
            if self.counts[reason] == 1:
                told = _without(reason) if key in used else f"cannot be read ({reason})"
                logger.warning("%s: %s %s; more of this kind are counted", self.name, key, told)
        if len(self.failed) >= PATIENCE:
            self.check()

    def check(self) -> None:
        """Raise UserError when something failed and nothing could be read; call it at the end of a pass too."""
        if self._read or not self.failed:
            return
        told = ", ".join(f"{count} {reason}" for reason, count in self.counts.most_common())
        first = min(self.failed)
        raise UserError(
            f"Not one of {len(self.failed)} clips of {self.name} could be read ({told})",
            "There is nothing to learn from or to test on",
            f"Check data.root, data.modalities and a file such as that of {first[0]}",
        )


def _without(reason: str) -> str:
    """Of a clip that is used for what else it has."""
    modality, _, why = reason.partition(": ")
    return f"has no {modality} (used without: {why})"
