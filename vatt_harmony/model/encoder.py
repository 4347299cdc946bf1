"""Pre-norm Transformer whose only output is the pooled (AGG) token, so that its last block computes just that row."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from .init import Dense, StackedDense

Norm = Callable[[int], nn.Module]
layer_norm: Norm = functools.partial(nn.LayerNorm, eps=1e-6)


class Attention(nn.Module):
    """Multi-head self-attention; `scale` None divides the scores by the root of the head width."""

    def __init__(self, width: int, heads: int, bias: bool, scale: float | None, dropout: float) -> None:
        super().__init__()
        self.heads, self.scale, self.dropout = heads, scale, dropout
        # Unscaled scores (T5) need queries smaller by what the division would have done.
        self.q = Dense(width, width, bias, gain=1.0 if scale is None else (width // heads) ** -0.5)
        self.kv = StackedDense(width, width, copies=2, bias=bias)
        self.o = Dense(width, width, bias)

    def forward(self, x: Tensor, rows: int, mask: Tensor | None) -> Tensor:
        """`[N, T, D]` -> its first `rows` tokens mixed, `[N, rows, D]`; mask broadcasts to `[N, heads, rows, T]`."""
        q = self.q(x[:, :rows]).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self.kv(x).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        p = self.dropout if self.training else 0.0
        mixed = scaled_dot_product_attention(q, k, v, mask, dropout_p=p, scale=self.scale)
        out: Tensor = self.o(mixed.transpose(1, 2).flatten(2))
        return out


class Block(nn.Module):
    """Norm, attention, residual; norm, feed-forward (GELU), residual."""

    def __init__(
        self,
        width: int,
        ff: int,
        heads: int,
        *,
        bias: bool = True,
        scale: float | None = None,
        attention_norm: Norm = layer_norm,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention_norm = attention_norm(width)
        self.attention = Attention(width, heads, bias, scale, dropout)
        self.ff_norm = layer_norm(width)
        self.wi = Dense(width, ff, bias)
        self.wo = Dense(ff, width, bias)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`[N, T, D]` -> `[N, T, D]`."""
        return self._rows(x, x.shape[1], mask)[0]

    def _rows(self, x: Tensor, rows: int, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        x = x[:, :rows] + self.drop(self.attention(self.attention_norm(x), rows, mask))
        hidden = self.drop(gelu(self.wi(self.ff_norm(x))))
        return x + self.drop(self.wo(hidden)), hidden


class PoolingBlock(Block):
    """The last block, computed at the pooled token alone: keys and values of all tokens, one query, one FFN row.

    Nothing else of the last block is used, so this equals the full block; it saves 1/depth of the work and more.
    """

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """`[N, T, D]` -> token 0 `[N, D]` and the input of its last FFN matrix `[N, P]`."""
        out, hidden = self._rows(x, 1, mask if mask is None else mask[..., :1, :])
        return out[:, 0], hidden[:, 0]


class Encoder(nn.Module):
    """A stack of blocks without a final norm (that belongs to the head stage)."""

    def __init__(self, blocks: int, block: Callable[[type[Block]], Block], checkpointing: bool, dropout: float) -> None:
        super().__init__()
        kinds = [Block] * (blocks - 1) + [PoolingBlock]
        self.blocks = nn.ModuleList(block(kind) for kind in kinds)
        self.checkpointing = checkpointing
        self.replay_rng = dropout > 0

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Tokens `[N, T, D]`, AGG first; mask (bool or additive) broadcastable to `[N, heads, T, T]`.

        Returns z `[N, D]` and, detached, the input of the last FFN matrix at the pooled token `[N, P]`.
        """
        state: Tensor | tuple[Tensor, Tensor] = x
        for block in self.blocks:
            state = self._run(block, state, mask)
        z, hidden = state
        return z, hidden.detach()

    def tokens(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """All tokens `[N, T, D]` after the last block; the first one is `forward`'s z."""
        *blocks, last = self.blocks
        assert isinstance(last, Block)
        for block in blocks:
            x = self._run(block, x, mask)
        rows: Tensor = self._run(functools.partial(Block.forward, last), x, mask)
        return rows

    def _run(self, block: Callable[..., Any], state: Any, mask: Tensor | None) -> Any:
        if self.checkpointing and self.training and torch.is_grad_enabled():
            # Reentrant checkpointing breaks ZeRO 2 and 3 when branches share the trunk.
            return checkpoint(block, state, mask, use_reentrant=False, preserve_rng_state=self.replay_rng)
        return block(state, mask)


def transformer(
    depth: int, width: int, ff: int, heads: int, *, bias: bool = True, dropout: float = 0.0, checkpointing: bool = False
) -> Encoder:
    """The encoder of video, sound and the shared trunk."""

    def block(kind: type[Block]) -> Block:
        return kind(width, ff, heads, bias=bias, dropout=dropout)

    return Encoder(depth, block, checkpointing, dropout)
