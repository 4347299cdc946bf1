"""A stack of Conformer blocks (Gulati et al., arXiv 2005.08100) made of the layer of transformers."""

from typing import Any

import torch
from torch import Tensor, nn

from vatt_harmony.model.torchvision_ops import prepare_torchvision

prepare_torchvision()  # transformers imports torchvision

from transformers import Wav2Vec2ConformerConfig  # noqa: E402
from transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer import (  # noqa: E402
    Wav2Vec2ConformerEncoderLayer,
)


class Conformer(nn.Module):
    """Blocks of width D with rotary positions, the last one followed by its LayerNorm."""

    def __init__(self, width: int, layers: int, heads: int, kernel: int, dropout: float) -> None:
        super().__init__()
        config = Wav2Vec2ConformerConfig(
            hidden_size=width,
            num_attention_heads=heads,
            intermediate_size=4 * width,
            conv_depthwise_kernel_size=kernel,
            position_embeddings_type="rotary",
            hidden_dropout=dropout,
            attention_dropout=dropout,
            activation_dropout=dropout,
            conformer_conv_dropout=dropout,
            attn_implementation="sdpa",
        )
        self.head_width = width // heads
        self.blocks: Any = nn.ModuleList(Wav2Vec2ConformerEncoderLayer(config) for _ in range(layers))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """`[B, N, D]` -> `[B, N, D]`; bool mask `[B, N]` is false at padding: no token attends to it, and what stands
        there is zero for the convolutions.
        """
        if mask is not None:
            x = x.masked_fill(~mask[..., None], 0)
        visible = None if mask is None else mask[:, None, None].expand(-1, 1, x.shape[1], -1)
        places = rotary(x.shape[1], self.head_width).to(x)
        for block in self.blocks:
            x = block(x, attention_mask=visible, relative_position_embeddings=places)
        return x


def rotary(length: int, width: int) -> Tensor:
    """Cosines and sines `[2, length, 1, 1, width]` of rotary positions (Su et al., arXiv 2104.09864)."""
    rates = 10000 ** (-torch.arange(0, width, 2) / width)
    angles = (torch.arange(length)[:, None] * rates).repeat(1, 2)
    return torch.stack([angles.cos(), angles.sin()])[:, :, None, None]
