"""What the demo's fine-tune has found."""

from dataclasses import dataclass

from vatt_harmony.downstream.intervals import Interval

BALANCED, JOINT, SCRATCH = "mlb", "joint", "scratch"


@dataclass(frozen=True, kw_only=True)
class Finetuned:
    """Three trainings of equal length on the same few labelled clips: balanced, joint, and balanced from scratch."""

    labelled: int
    """Clips that were trained on."""
    classes: int
    accuracy: dict[str, Interval]
    """Of each training on the held-out clips, picture and sound together; intervals over clips."""
    differences: dict[str, Interval]
    """Accuracy of the balanced training minus that of each other one, paired by clip."""
    picture: dict[str, float]
    """What the picture, the harder of the two here, is worth to the accuracy of each training: its Shapley value."""

    @property
    def chance(self) -> float:
        """Accuracy of a random answer."""
        return 1 / self.classes
