"""What a VATT model is made of: one frozen dataclass, its size presets and its derived token counts."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Size = Literal["small", "base", "medium", "large", "xlarge"]

PRESETS: dict[Size, tuple[int, int, int, int]] = {
    # depth, width, ff, heads
    "small": (6, 512, 2048, 8),
    "base": (12, 768, 3072, 12),
    "medium": (12, 1024, 4096, 16),
    "large": (24, 1024, 4096, 16),
    "xlarge": (24, 1536, 4096, 24),
}


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, must be one of {', '.join(allowed)}")


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{name} is {value}, must be at least {least}")


@dataclass(frozen=True, kw_only=True)
class TowerConfig:
    """Size of one Transformer: a preset of the paper, each number of which can be replaced."""

    size: Size = "medium"
    """Preset (paper, Table 7); `xlarge` exists in the official code only."""
    depth: int | None = None
    """Number of blocks; None takes the preset's."""
    width: int | None = None
    """Width d of the tokens; None takes the preset's."""
    ff: int | None = None
    """Hidden width of the feed-forward part; None takes the preset's."""
    heads: int | None = None
    """Attention heads; None takes the preset's, or width / 64 if only the width was given."""

    def __post_init__(self) -> None:
        _one_of("size", self.size, tuple(PRESETS))
        for name in ("depth", "width", "ff", "heads"):
            if (value := getattr(self, name)) is not None:
                _at_least(name, value, 1)
        _, width, _, heads = self.shape
        if width % heads:
            raise ValueError(f"width is {width}, heads is {heads}; the width must be a multiple of the heads")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(depth, width, ff, heads) after the overrides."""
        depth, width, ff, heads = PRESETS[self.size]
        if self.width is not None and self.heads is None:
            heads = max(1, self.width // 64)
        return self.depth or depth, self.width or width, self.ff or ff, self.heads or heads


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The whole model; defaults are VATT-MA-Medium with the project's decisions."""

    kind: Literal["agnostic", "specific"] = "agnostic"
    """One encoder shared by the modalities, or one tower each (text: a T5 encoder)."""
    trunk: TowerConfig = TowerConfig(size="medium")
    """The shared encoder (`agnostic` only)."""
    video_tower: TowerConfig = TowerConfig(size="medium")
    """The video tower (`specific` only): base, medium, large give BBS, MBS, LBS."""
    audio_tower: TowerConfig = TowerConfig(size="base")
    """The audio tower (`specific` only)."""
    text_tower: TowerConfig = TowerConfig(size="small")
    """The T5 text tower (`specific` only)."""

    frames: int = 32
    """Frames of a training clip; sets the rows of the temporal position table."""
    size: int = 224
    """Pixels of a frame's side; sets the rows of the two spatial position tables."""
    patch: tuple[int, int, int] = (4, 16, 16)
    """Frames, rows and columns of one video token."""
    interpolation: Literal["natural_cubic", "bicubic"] = "natural_cubic"
    """How position tables are resampled for other input sizes (official code, paper)."""

    sound: Literal["waveform", "spectrogram"] = "waveform"
    """What audio tokens are cut from."""
    samples: int = 153600
    """Samples of a training clip's sound."""
    sample_rate: int = 48000
    """Sample rate of the sound, Hz; used by the spectrogram."""
    audio_patch: int = 128
    """Samples of one waveform token."""
    mels: int = 80
    """Mel bins of the spectrogram."""
    mel_range: tuple[float, float] = (80.0, 7600.0)
    """Lowest and highest frequency of the mel bins, Hz."""
    stft_window: float = 0.04267
    """Length of the STFT window, seconds."""
    stft_hop: float = 0.02134
    """Hop of the STFT, seconds."""
    spectrogram_patch: tuple[int, int] = (16, 5)
    """STFT frames and mel bins of one spectrogram token."""
    spectrogram_order: Literal["time_mel", "transposed"] = "time_mel"
    """Order of the position ids; `transposed` repeats a defect of the official code, without DropToken."""

    words: int = 16
    """Most tokens of one sentence."""
    vocabulary: int = 16384
    """Rows of the word table; id 0 is padding."""
    text_width: int = 300
    """Width of the word table."""
    text_table: Literal["trainable", "frozen"] = "trainable"
    """A frozen table serves imported word2vec rows; frozen without an import, it stays random."""

    keep_video: float = 0.5
    """Share of video tokens that DropToken keeps in training."""
    keep_audio: float = 0.5
    """Share of audio tokens that DropToken keeps in training."""
    drop_mode: Literal["per_sample", "per_batch"] = "per_sample"
    """Own tokens for each sample, or one index set per call (official code)."""
    agg_position: Literal["none", "learnable"] = "none"
    """Whether the AGG token carries a position (paper, Eq. 2)."""
    dropout: float = 0.0
    """Dropout of the trunk; the original's is 0.1, which gives up equality over ranks and replay."""
    checkpointing: bool = False
    """Recompute each block in the backward pass instead of storing its activations."""

    heads: Literal["code", "paper", "joint"] = "code"
    """Projection heads of the official code, of the paper, or one joint space."""
    d_va: int = 512
    """Width of the video-audio space (and of the joint one)."""
    d_vt: int = 256
    """Width of the video-text space."""
    post_width: int = 1024
    """Width after the private post-projections (`agnostic` only)."""
    audio_text_head: bool = False
    """Also map audio into the video-text space, for an audio-text loss."""

    timm: str = ""
    """Name of a timm ViT that a new run's video trunk starts from; empty starts from nothing."""
    timm_file: str = ""
    """Local weights of that ViT (safetensors or pth); empty fetches timm's pretrained ones."""

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, ("agnostic", "specific"))
        _one_of("interpolation", self.interpolation, ("natural_cubic", "bicubic"))
        _one_of("sound", self.sound, ("waveform", "spectrogram"))
        _one_of("spectrogram_order", self.spectrogram_order, ("time_mel", "transposed"))
        _one_of("text_table", self.text_table, ("trainable", "frozen"))
        _one_of("drop_mode", self.drop_mode, ("per_sample", "per_batch"))
        _one_of("agg_position", self.agg_position, ("none", "learnable"))
        _one_of("heads", self.heads, ("code", "paper", "joint"))
        for name in ("sample_rate", "audio_patch", "mels", "words", "text_width", "d_va", "d_vt", "post_width"):
            _at_least(name, getattr(self, name), 1)
        for name in ("patch", "spectrogram_patch"):
            if min(getattr(self, name)) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, each entry must be at least 1")
        if self.timm_file and not self.timm:
            raise ValueError(f"timm_file is {self.timm_file!r}, timm is ''; timm must name the ViT of that file")
        _at_least("vocabulary", self.vocabulary, 2)
        for name in ("keep_video", "keep_audio"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, must be in (0, 1]")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}, must be in [0, 1)")
        self._check_grids()

    def _check_grids(self) -> None:
        _at_least("frames", self.frames, self.patch[0])
        _at_least("size", self.size, max(self.patch[1:]))
        if self.sound == "waveform":
            _at_least("samples", self.samples, self.audio_patch)
            return
        low, high = self.mel_range
        if not 0 <= low < high <= self.sample_rate / 2:
            raise ValueError(f"mel_range is {self.mel_range}, must rise within [0, {self.sample_rate / 2}] Hz")
        if min(self.stft_window, self.stft_hop) * self.sample_rate < 1:
            raise ValueError(
                f"stft_window is {self.stft_window}, stft_hop is {self.stft_hop}; "
                f"each must be at least {1 / self.sample_rate} s (one sample)"
            )
        if min(self.audio_grid) < 1:
            raise ValueError(
                f"spectrogram_patch is {self.spectrogram_patch}, must be at most "
                f"({self.stft_frames}, {self.mels}), the spectrogram's frames and mel bins"
            )

    @property
    def video_grid(self) -> tuple[int, int, int]:
        """Video tokens along (time, height, width)."""
        return self.frames // self.patch[0], self.size // self.patch[1], self.size // self.patch[2]

    @property
    def stft_frames(self) -> int:
        """STFT frames of a training clip (the sound is padded at its end)."""
        return -(-self.samples // int(self.stft_hop * self.sample_rate))

    @property
    def audio_grid(self) -> tuple[int, ...]:
        """Audio tokens along (time,) or (time, mel)."""
        if self.sound == "waveform":
            return (self.samples // self.audio_patch,)
        return self.stft_frames // self.spectrogram_patch[0], self.mels // self.spectrogram_patch[1]

    @property
    def widths(self) -> dict[str, int]:
        """Width D of the representation z of each branch."""
        if self.kind == "agnostic":
            return dict.fromkeys(("video", "audio", "text"), self.trunk.shape[1])
        towers = {"video": self.video_tower, "audio": self.audio_tower, "text": self.text_tower}
        return {branch: tower.shape[1] for branch, tower in towers.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelConfig":
        """Inverse of `to_dict`, also after a round through JSON; unknown keys raise TypeError."""
        read = dict(values)
        for name in ("trunk", "video_tower", "audio_tower", "text_tower"):
            if isinstance(read.get(name), Mapping):
                read[name] = TowerConfig(**read[name])
        for name in ("patch", "spectrogram_patch", "mel_range"):
            if name in read:
                read[name] = tuple(read[name])
        return cls(**read)

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts and scalars."""
        return dataclasses.asdict(self)
