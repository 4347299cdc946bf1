"""Options of the contrastive objective."""

from dataclasses import dataclass, field, fields
from typing import Literal, get_args

Mode = Literal["asymmetric", "symmetric", "paper"]
Total = Literal["mean", "sum"]
InvalidAnchors = Literal["kept", "removed"]

_LARGEST_WHOLE = 2048
# On CPU and GPU alike a tile should fill the processor, and no more: 64 rows of 4,096 x 5 are 5 MB in fp32.
_ROWS = 64


@dataclass(frozen=True, kw_only=True)
class PairWeights:
    """Weight of each pair's loss in the total; a pair of weight 0 is not computed."""

    video_audio: float = 1.0
    """NCE between the video and the sound of a sample."""
    video_text: float = 1.0
    """MIL-NCE between the video and its candidate sentences."""
    audio_text: float = 0.0
    """MIL-NCE between the sound and the candidate sentences; above 0 it needs `model.audio_text_head`."""

    def __post_init__(self) -> None:
        values = {weight.name: getattr(self, weight.name) for weight in fields(self)}
        for name, value in values.items():
            if not 0.0 <= value < float("inf"):
                raise ValueError(f"weights.{name} is {value}, allowed is a finite number >= 0")
        if not any(values.values()):
            raise ValueError("weights are all 0, at least one must be above 0")

    def active(self) -> dict[str, float]:
        """Pairs with a weight above 0, in the order video_audio, video_text, audio_text."""
        return {pair.name: weight for pair in fields(self) if (weight := getattr(self, pair.name)) > 0}


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """The losses between modalities and how they add up."""

    mode: Mode = "asymmetric"
    """`asymmetric`: both directions in one denominator, the positive counted twice, floor log 2 (released code);
    `symmetric`: the two directions added, floor 0; `paper`: one denominator, positives once, floor 0."""
    temperature: float = 0.07
    """Fixed divisor of the cosine similarities."""
    weights: PairWeights = field(default_factory=PairWeights)
    """Weight of each pair's loss."""
    total: Total = "mean"
    """`mean`: weighted mean of the pairs' losses (released code); `sum`: weighted sum (paper)."""
    candidate_mask: bool = True
    """Padded candidate sentences are neither positives nor negatives; false lets them count (released code)."""
    invalid_anchors: InvalidAnchors = "kept"
    """Videos without a partner (text, sound) stay negatives of the other samples, or are `removed`."""
    tile: int = 0
    """Samples whose similarities to the batch are in memory at once; the losses are the same. 0 chooses: all of a
    global batch of up to 2,048, 64 of a larger one."""
    shard_above: int = 8192
    """Global batch above which ranks divide the similarities among them instead of each computing all; 0: always."""

    def __post_init__(self) -> None:
        for name, allowed in (("mode", Mode), ("total", Total), ("invalid_anchors", InvalidAnchors)):
            if getattr(self, name) not in get_args(allowed):
                raise ValueError(f"{name} is {getattr(self, name)!r}, allowed are {', '.join(get_args(allowed))}")
        if not 0.0 < self.temperature < float("inf"):
            raise ValueError(f"temperature is {self.temperature}, allowed is a finite number > 0")
        for name in ("tile", "shard_above"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, allowed is 0 or more")

    def rows_a_tile(self, batch: int) -> int:
        """Rows of similarities of a global batch that are computed at once; not fewer than it has: no tiles."""
        return self.tile or (batch if batch <= _LARGEST_WHOLE else _ROWS)
