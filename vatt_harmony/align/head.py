"""The layers that decide on the next action."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


class Head(nn.Module):
    """Two fully connected layers over the tops of S streams and the rest: history, positions, window.

    The first one is linear in each top, so that what a top adds to it is computed once (`shares`) and not at every
    step at which it is the top; dropout of its inputs is therefore drawn once for each top. Source: released code of
    Wang et al., WACV 2021.
    """

    def __init__(self, streams: int, width: int, rest: int, actions: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Linear(streams * width + rest, width)
        self.outer = nn.Linear(width, actions)
        self.dropout = nn.Dropout(dropout)
        self._sizes = [width] * streams + [rest]

    def shares(self, tops: Sequence[Tensor]) -> list[Tensor]:
        """What tops `[B, N_s, W]` of each stream add to the first layer, `[B, N_s, W]`."""
        weights = torch.split(self.inner.weight, self._sizes, dim=1)[:-1]
        return [linear(self.dropout(top), weight) for top, weight in zip(tops, weights, strict=True)]

    def forward(self, shares: Tensor, rest: Sequence[Tensor]) -> Tensor:
        """Logits `[R, K]` from the sum of the tops' shares `[R, W]` and the parts of the rest `[R, *]`."""
        weight = self.inner.weight[:, -self._sizes[-1] :]
        inner = shares + linear(self.dropout(torch.cat(list(rest), dim=-1)), weight, self.inner.bias)
        logits: Tensor = self.outer(self.dropout(inner.relu()))
        return logits
