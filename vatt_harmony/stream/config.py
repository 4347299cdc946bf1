"""What the stream reads and how it cuts, checked when it is written."""

from dataclasses import dataclass
from typing import Literal

MAX_LANES = 256


@dataclass(frozen=True, kw_only=True)
class SourceConfig:
    """One data set of the mixture."""

    shards: str
    """Folder, glob or brace pattern (`part-{00..07}.tar`) of WebDataset tars."""
    weight: float = 1.0
    """Share of the mixture, relative to the other sources; 0 pauses the source."""

    def __post_init__(self) -> None:
        _check("shards", self.shards, bool(self.shards), "a folder, a glob or a brace pattern")
        _check("weight", self.weight, 0 <= self.weight < float("inf"), ">= 0")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The mixture of sources and the vocabulary of their captions."""

    sources: dict[str, SourceConfig]
    """Name of each source to its shards and weight; the name is the first part of every sample key."""
    tokenizer: str = ""
    """A `tokenizer.json`, a Hugging Face folder, or "" to train WordPiece on the captions of the sources."""
    vocabulary: int = 16384
    """Most entries of a trained vocabulary, special tokens included."""

    def __post_init__(self) -> None:
        _check("sources", sorted(self.sources), bool(self.sources), "at least one source")
        names = [name for name in self.sources if not name or "/" in name]
        _check("sources", names, not names, "names that are not empty and hold no '/'")
        total = sum(source.weight for source in self.sources.values())
        _check("sources", f"weights that sum to {total}", total > 0, "one weight above 0")
        _check("vocabulary", self.vocabulary, self.vocabulary >= 8, ">= 8")


@dataclass(frozen=True, kw_only=True)
class StreamConfig:
    """One training batch: how many samples, how they are cut in time and space, and who prepares them."""

    global_batch: int
    """Samples of one step over all ranks; must be divisible by the number of ranks."""
    frames: int = 32
    """Frames of a clip."""
    fps: float = 10.0
    """Frames per second of a clip; frames are chosen by presentation time."""
    size: int = 224
    """Height and width of a clip in pixels."""
    sample_rate: int = 48000
    """Samples of sound per second (Hz), mono."""
    candidates: int = 5
    """Most sentences of a clip: its own and its neighbours in time (K)."""
    words: int = 16
    """Tokens a sentence is cropped or padded to (L)."""
    crop: Literal["inception", "vgg", "center"] = "inception"
    """Inception box (paper), VGG scale jitter (released code), or the centre square."""
    crop_area: tuple[float, float] = (0.08, 1.0)
    """Smallest and largest share of the picture an Inception box covers."""
    crop_aspect: tuple[float, float] = (0.5, 2.0)
    """Least and greatest width / height of an Inception box."""
    flip: float = 0.5
    """Chance of a horizontal flip; 0 where captions speak of left and right."""
    colour: float = 0.8
    """Chance of colour jitter."""
    noise: float = 0.01
    """Standard deviation of the noise added to sound, as a share of its peak."""
    min_seconds: float = 0.5
    """A clip of fewer seconds is dropped as "too short"; one shorter than the window loops."""
    silence: float = 1e-4
    """Sound whose peak within the window is below this is masked as "silent audio"."""
    shuffle_window: int = 512
    """Samples of a lane that are permuted together; the effective shuffle window is lanes times this."""
    workers: int = 2
    """Processes per rank that read and decode; 0 = in the process of the trainer."""
    prefetch: int = 2
    """Parts of a rank's batch (up to 32 rows) each worker prepares ahead; at least one batch, all workers together."""
    failure_limit: int = 100
    """Consecutive broken samples of a source that stop the run."""

    def __post_init__(self) -> None:
        for name in ("global_batch", "frames", "size", "sample_rate", "candidates", "words",
                     "shuffle_window", "prefetch", "failure_limit"):  # fmt: skip
            _check(name, getattr(self, name), getattr(self, name) >= 1, ">= 1")
        for name in ("flip", "colour"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "0 to 1")
        for name in ("noise", "min_seconds", "silence", "workers"):
            _check(name, getattr(self, name), getattr(self, name) >= 0, ">= 0")
        _check("fps", self.fps, self.fps > 0, "> 0")
        area, aspect = self.crop_area, self.crop_aspect
        _check("crop_area", area, 0 < area[0] <= area[1] <= 1, "0 < least <= most <= 1")
        _check("crop_aspect", aspect, 0 < aspect[0] <= aspect[1], "0 < least <= most")

    @property
    def seconds(self) -> float:
        """Duration of a clip in seconds."""
        return self.frames / self.fps

    @property
    def samples(self) -> int:
        """Samples of sound in a clip (S)."""
        return round(self.seconds * self.sample_rate)

    @property
    def lanes(self) -> int:
        """The largest divisor of the global batch that is at most 256 (V): independent of ranks and workers."""
        most = min(MAX_LANES, self.global_batch)
        return next(lanes for lanes in range(most, 0, -1) if self.global_batch % lanes == 0)


def _check(name: str, value: object, holds: bool, valid: str) -> None:
    if not holds:
        raise ValueError(f"{name} is {value}; valid: {valid}")
