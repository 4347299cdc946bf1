"""Words to tokens for the shared trunk: word table, projection, positions, AGG, padding mask."""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from .config import ModelConfig
from .init import Dense, vector
from .positions import AxisPositions


class WordTable(nn.Embedding):
    """Word vectors with unit variance, as word2vec's are: smaller ones would drown under the position embedding."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.vocabulary, config.text_width)
        self.weight.requires_grad_(config.text_table == "trainable")


class TextTokens(nn.Module):
    """Sentences of the modality-agnostic model: AGG after projection and positions, width D."""

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__()
        self.words = config.words
        self.table = WordTable(config)
        self.pre_projection = Dense(config.text_width, width)
        self.positions = AxisPositions((config.words,), width, config.interpolation)
        self.agg = vector(width)
        self.agg_position = vector(width) if config.agg_position == "learnable" else None
        self.drop = nn.Dropout(config.dropout)

    def forward(self, text: Tensor, seed: None) -> tuple[Tensor, Tensor]:
        """Ids int64 `[N, L]`, 0 = padding -> tokens `[N, 1 + L, D]`, visible tokens bool `[N, 1, 1, 1 + L]`."""
        if text.shape[1] > self.words:
            raise ValueError(f"text has {text.shape[1]} words, must have at most {self.words} (config: words)")
        tokens = gelu(self.pre_projection(self.table(text)))
        places = self.positions((self.words,))[: text.shape[1]]
        agg = self.agg if self.agg_position is None else self.agg + self.agg_position
        tokens = torch.cat([agg.expand(len(text), 1, -1), self.drop(tokens + places)], dim=1)
        return tokens, visible(text)


def visible(text: Tensor) -> Tensor:
    """Bool `[N, 1, 1, 1 + L]`: the AGG token always (so an empty sentence stays finite), words where id is not 0."""
    agg = torch.ones_like(text[:, :1], dtype=torch.bool)
    return torch.cat([agg, text != 0], dim=1)[:, None, None]
