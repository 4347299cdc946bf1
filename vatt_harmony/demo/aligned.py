"""What the demo's alignment has found."""

from dataclasses import dataclass

from vatt_harmony.downstream.intervals import Interval

OWN = "NeuMATCH + window"


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """Alignments of films of held-out clips; means over films."""

    accuracy: dict[str, Interval]
    """Clip accuracy of OWN and of every baseline."""
    iou: dict[str, Interval]
    """Sentence intersection over union."""
    differences: dict[str, Interval]
    """Clip accuracy of OWN minus that of each baseline, paired by film."""

    @property
    def best(self) -> str:
        """The baseline with the highest clip accuracy, chosen on the very films it is compared on."""
        return max(self.differences, key=lambda name: self.accuracy[name].value)
