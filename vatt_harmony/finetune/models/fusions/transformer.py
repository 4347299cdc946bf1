"""Fusion of tokens: Conformer blocks over a class token and the tokens of all modalities."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vatt_harmony.finetune.config import FusionConfig
from vatt_harmony.finetune.models.conformer import Conformer
from vatt_harmony.finetune.models.fusions.widths import Widths
from vatt_harmony.finetune.models.output import EncoderOutput

KERNEL = 31
"""Width of the blocks' convolutions, in tokens."""


class TransformerFusion(nn.Module):
    """Tokens projected to `width` plus an embedding of their modality, behind a class token whose state is read."""

    def __init__(self, widths: Widths, outputs: int, config: FusionConfig) -> None:
        super().__init__()
        self.projections = nn.ModuleDict(
            {name: nn.Linear(width.tokens, config.width) for name, width in widths.items()}
        )
        self.modality = nn.Parameter(torch.randn(len(widths), config.width) * 0.02)
        self.cls = nn.Parameter(torch.randn(config.width) * 0.02)
        self.blocks = Conformer(config.width, config.layers, config.heads, KERNEL, config.dropout)
        self.linear = nn.Linear(config.width, outputs)

    def forward(self, features: Mapping[str, EncoderOutput]) -> Tensor:
        """Tokens `[B, N_m, E_m]` -> logits `[B, C]`."""
        tokens = [
            projection(_tokens(features[name])) + embedding
            for (name, projection), embedding in zip(self.projections.items(), self.modality, strict=True)
        ]
        batch = len(tokens[0])
        x = torch.cat([self.cls.expand(batch, 1, -1), *tokens], dim=1)
        logits: Tensor = self.linear(self.blocks(x, self._mask(features, batch))[:, 0])
        return logits

    def _mask(self, features: Mapping[str, EncoderOutput], batch: int) -> Tensor | None:
        """bool `[B, 1 + N]`, false at padding; None where nothing is padded."""
        if all(features[name].mask is None for name in self.projections):
            return None
        masks = [self.cls.new_ones(batch, 1, dtype=torch.bool)]
        for name in self.projections:
            tokens, mask = _tokens(features[name]), features[name].mask
            masks.append(tokens.new_ones(tokens.shape[:2], dtype=torch.bool) if mask is None else mask)
        return torch.cat(masks, dim=1)


def _tokens(features: EncoderOutput) -> Tensor:
    assert features.tokens is not None, "encoders are built with read_tokens for this fusion"
    return features.tokens
