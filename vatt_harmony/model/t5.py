"""The T5 text tower of the modality-specific models."""

import functools
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, gelu

from .config import ModelConfig
from .encoder import Block, Encoder
from .init import Dense, uniform_table, vector
from .text import WordTable, visible


class T5Tokens(nn.Module):
    """Word vectors with a 300-d AGG before them, projected without bias; no positions."""

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__()
        self.table = WordTable(config)
        self.agg = vector(config.text_width)
        self.pre_projection = Dense(config.text_width, width, bias=False)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, text: Tensor, seed: None) -> tuple[Tensor, Tensor]:
        """Ids int64 `[N, L]`, 0 = padding -> tokens `[N, 1 + L, D]`, visible tokens bool `[N, 1, 1, 1 + L]`."""
        words = torch.cat([self.agg.expand(len(text), 1, -1), self.table(text)], dim=1)
        return self.drop(gelu(self.pre_projection(words))), visible(text)


class RelativeBias(nn.Module):
    """One bias a head and bucket of distance, owned by the first layer and added in all."""

    def __init__(self, heads: int, buckets: int = 32, max_distance: int = 64) -> None:
        super().__init__()
        self.buckets, self.max_distance = buckets, max_distance
        self.table = uniform_table(buckets, heads)

    def forward(self, length: int) -> Tensor:
        """Bias `[1, heads, length, length]`; row = query, column = key."""
        place = torch.arange(length, device=self.table.device)
        bucket = relative_bucket(place - place[:, None], self.buckets, self.max_distance)
        return embedding(bucket, self.table).permute(2, 0, 1)[None]


def relative_bucket(relative: Tensor, buckets: int = 32, max_distance: int = 64) -> Tensor:
    """Bucket of key - query: half of them for keys behind; exact up to a quarter, logarithmic beyond."""
    half = buckets // 2
    exact = half // 2
    distance = relative.abs()
    scaled = torch.log(distance.clamp_min(1).double() / exact) / math.log(max_distance / exact)
    far = (exact + (scaled * (half - exact)).long()).clamp_max(half - 1)
    return (relative > 0) * half + torch.where(distance < exact, distance, far)


class T5Encoder(nn.Module):
    """Blocks without biases, RMS-norm before attention, LayerNorm before the FFN, scores not scaled."""

    def __init__(self, depth: int, width: int, ff: int, heads: int, dropout: float, checkpointing: bool) -> None:
        super().__init__()
        self.relative = RelativeBias(heads)
        norm = functools.partial(nn.RMSNorm, eps=1e-6)

        def block(kind: type[Block]) -> Block:
            return kind(width, ff, heads, bias=False, scale=1.0, attention_norm=norm, dropout=dropout)

        self.encoder = Encoder(depth, block, checkpointing, dropout)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """As `Encoder.forward`."""
        out: tuple[Tensor, Tensor] = self.encoder(x, self._bias(x, mask))
        return out

    def tokens(self, x: Tensor, mask: Tensor) -> Tensor:
        """As `Encoder.tokens`."""
        return self.encoder.tokens(x, self._bias(x, mask))

    def _bias(self, x: Tensor, mask: Tensor) -> Tensor:
        bias: Tensor = self.relative(x.shape[1])
        return bias.masked_fill(~mask, -math.inf)
