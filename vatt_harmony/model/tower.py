"""What is private to video and to sound: patches to tokens with positions, DropToken, the AGG token."""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, gelu

from .config import ModelConfig
from .droptoken import kept_tokens
from .init import Dense, vector
from .patches import gather_patches, spectrogram_patches, video_patches, waveform_patches
from .positions import AxisPositions
from .spectrogram import log_mel


class MediaTokens(nn.Module, ABC):
    """Media `[N, ...]` -> tokens `[N, 1 + K, D]`, AGG first; subclasses say how the patches are cut."""

    # Distinguishes the DropToken draws of branches that are given equal seeds.
    stream: int

    def __init__(self, config: ModelConfig, grid: tuple[int, ...], patch: int, keep: float, width: int) -> None:
        super().__init__()
        self.config = config
        self.axes = len(grid)
        self.keep = keep
        transposed = self.axes == 2 and config.spectrogram_order == "transposed"
        self.embed = Dense(patch, width)
        self.pre_projection = Dense(width, width) if config.kind == "agnostic" else None
        self.positions = AxisPositions(grid, width, config.interpolation, transposed)
        self.agg = vector(width)
        self.agg_position = vector(width) if config.agg_position == "learnable" else None
        self.drop = nn.Dropout(config.dropout)

    @abstractmethod
    def cut(self, media: Tensor) -> Tensor:
        """Patches `[N, *grid, *patch]`."""

    def scale(self, patches: Tensor) -> Tensor:
        """Patches in the number type of the parameters, in [-1, 1]."""
        return patches.to(self.agg.dtype)

    def forward(self, media: Tensor, seed: Tensor | None) -> tuple[Tensor, None]:
        """Tokens and no mask; `seed` int64 `[N]` is needed in training mode with DropToken."""
        patches = self.cut(media)
        grid = patches.shape[1 : 1 + self.axes]
        index = self.kept(math.prod(grid), seed)
        tokens = self.embed(self.scale(gather_patches(patches, self.axes, index)))
        if self.pre_projection is not None:
            tokens = gelu(self.pre_projection(tokens))
        places = self.positions(grid)
        tokens = self.drop(tokens + (places if index is None else embedding(index, places)))
        agg = self.agg if self.agg_position is None else self.agg + self.agg_position
        return torch.cat([agg.expand(len(tokens), 1, -1), tokens], dim=1), None

    def kept(self, tokens: int, seed: Tensor | None) -> Tensor | None:
        """Token numbers `[N, int(rate * tokens)]`, or None where all are kept."""
        if not self.training or self.keep == 1:
            return None
        if seed is None:
            raise ValueError(f"seed is None, DropToken (keep {self.keep}) in training mode needs int64 [N]")
        keep = max(1, int(self.keep * tokens))
        return kept_tokens(seed ^ self.stream, tokens, keep, self.config.drop_mode == "per_batch")


class VideoTokens(MediaTokens):
    """Video `[N, T, H, W, 3]`: uint8, or float in [-1, 1]."""

    stream = 0x56494445

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__(config, config.video_grid, 3 * math.prod(config.patch), config.keep_video, width)

    def cut(self, media: Tensor) -> Tensor:
        return video_patches(media, self.config.patch)

    def scale(self, patches: Tensor) -> Tensor:
        values = super().scale(patches)
        # In place: the patches are the largest tensor of a small model. In this order the difference is exact in bf16.
        return values.sub_(127.5).mul_(1 / 127.5) if patches.dtype == torch.uint8 else values


class WaveformTokens(MediaTokens):
    """Sound `[N, S]`, float in [-1, 1]."""

    stream = 0x41554449

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__(config, config.audio_grid, config.audio_patch, config.keep_audio, width)

    def cut(self, media: Tensor) -> Tensor:
        return waveform_patches(media, self.config.audio_patch)


class SpectrogramTokens(MediaTokens):
    """Sound `[N, S]`, cut from its log-mel spectrogram."""

    stream = 0x41554449

    def __init__(self, config: ModelConfig, width: int) -> None:
        # The transposed order repeats the official tower, which has no DropToken.
        keep = config.keep_audio if config.spectrogram_order == "time_mel" else 1.0
        super().__init__(config, config.audio_grid, math.prod(config.spectrogram_patch), keep, width)

    def cut(self, media: Tensor) -> Tensor:
        c = self.config
        spectrogram = log_mel(media, c.sample_rate, c.mels, c.mel_range, c.stft_window, c.stft_hop)
        return spectrogram_patches(spectrogram, c.spectrogram_patch)


def sound_tokens(config: ModelConfig, width: int) -> MediaTokens:
    """The sound tokeniser the config names."""
    return (WaveformTokens if config.sound == "waveform" else SpectrogramTokens)(config, width)
