"""Options of `align prepare`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vatt_harmony.align.data.yms import Texts
from vatt_harmony.align.features.vatt import Mode
from vatt_harmony.align.features.windows import Short
from vatt_harmony.align.sources.annotated import Variant
from vatt_harmony.errors import UserError


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """What to prepare, and how."""

    source: Path
    """Of films a CSV or a folder, of captions a CSV, of yms and tacos a folder."""
    out: Path
    """Folder that gets `train`, `val` and `test`."""
    kind: Literal["films", "yms", "tacos", "captions"] = "films"
    """What `source` is."""
    encoder: Path | None = None
    """Exported encoder, for clips and sentences."""
    mode: Mode = "tower"
    """Its pooled features, or those of its heads."""
    sound: bool = False
    """Whether it also hears the clips."""
    short: Short = "loop"
    """How it is shown a clip shorter than its window."""
    image: str | None = None
    """Image encoder of timm, or a folder that timm has saved."""
    image_weights: Path | None = None
    """Weights of the image encoder."""
    frames: int = 1
    """Pictures of a clip that the image encoder sees; 1: the central one."""
    text: str | None = None
    """Text encoder of transformers, its folder, or "tfidf"."""
    width: int = 300
    """Of features from word counts, and of clips made from texts."""
    features: Path | None = None
    """Folder of given features."""
    shots: Literal["detect", "fixed"] = "detect"
    """Where the clips of a film begin and end."""
    window: float = 3.0
    """Seconds of a fixed clip."""
    times: Literal["unknown", "truth"] = "unknown"
    """Whether the times of a film's sentences tell when they are seen."""
    keep_media: bool = False
    """Whether the decoded windows are kept, so that the encoder can be trained along."""
    media: Path | None = None
    """Folder of the films of annotations."""
    texts: Texts = "phrases"
    """Which texts of YMS."""
    noise: float | None = None
    """Clips are made from the texts, with noise of this length."""
    variant: Variant = "hm0"
    """How captions are made harder."""
    pieces: int = 1
    """Most pieces of a clip of captions."""
    partners: int = 1
    """Other descriptions that each description of TACoS is paired with."""
    streams: int = 2
    """Descriptions of TACoS that are aligned at once."""
    seed: int = 0
    """Of everything drawn."""
    device: str = "auto"
    """Of the encoders."""
    batch: int = 8
    """Windows or sentences encoded at a time."""
    cache: Path | None = None
    """Where clip features are kept; None: `out`/cache."""

    def __post_init__(self) -> None:
        sources = [name for name in ("encoder", "image", "features", "noise") if getattr(self, name) is not None]
        if self.streams != 2 and self.kind != "tacos":
            raise _refusal(f"--streams {self.streams} for {self.kind}", "Only descriptions of TACoS come in groups")
        words = self.text == "tfidf" or (self.text is None and self.encoder is None and self.features is None)
        if self.width != 300 and not words and self.noise is None:
            raise _refusal(
                f"--width {self.width} of features that an encoder makes", "Leave it out, or take --text tfidf"
            )
        if self.kind == "tacos":
            if sources:
                raise _refusal(f"TACoS has no clips to use --{sources[0]} on", "Leave it out; --text names the encoder")
            return
        if len(sources) != 1:
            told = " and ".join(f"--{name}" for name in sources)
            raise _refusal(
                f"{told or 'Nothing'} says where clip features come from",
                "Give one of --encoder, --image and --features"
                if self.kind == "films"
                else "Give --noise or --features, or --media with --encoder or --image",
            )
        if self.noise is not None and (self.kind == "films" or self.noise < 0):
            raise _refusal(
                f"--noise {self.noise} for {self.kind}",
                "Clips are made from the texts of yms or captions, noise 0 or more",
            )
        if self.kind != "films" and self.media is None and (self.encoder or self.image):
            raise _refusal(
                f"There are no films of these {self.kind} to look at",
                "Give --noise or --features in their stead, or --media DIR",
            )
        if self.image is not None and self.text is None:
            raise _refusal("--image reads no sentences", "Name a text encoder, such as --text tfidf")
        if self.keep_media and (self.encoder is None or self.kind != "films"):
            raise _refusal(
                "--keep-media keeps what --encoder sees of films", "Give --encoder and films, or leave it out"
            )


def _refusal(what: str, fix: str) -> UserError:
    return UserError(what, "Nothing was prepared", fix)
