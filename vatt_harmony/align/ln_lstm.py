"""An LSTM layer with layer norm inside its cell."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


class LayerNormLSTM(nn.Module):
    """LSTM layer that normalises both projections and the new cell value, which is carried on normalised.

    No biases but those of the norms. Gates in torch's order: input, forget, cell, output. Source: released code of
    Wang et al., WACV 2021 (2xLN, 4xLN).
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(width)
        self.input_weight = nn.Parameter(torch.empty(4 * width, features).uniform_(-bound, bound))
        self.hidden_weight = nn.Parameter(torch.empty(4 * width, width).uniform_(-bound, bound))
        self.input_norm = nn.LayerNorm(4 * width)
        self.hidden_norm = nn.LayerNorm(4 * width)
        self.cell_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Hidden states `[B, T, H]` over `[B, T, D]`, from zero."""
        hidden = cell = x.new_zeros(len(x), self.hidden_weight.shape[1])
        states = []
        for projected in self.input_norm(linear(x, self.input_weight)).unbind(1):
            hidden, cell = self._step(projected, hidden, cell)
            states.append(hidden)
        return torch.stack(states, dim=1)

    def step(self, projected: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden state and cell `[R, H]` after an input that `input_weight` has projected to `[R, 4H]`."""
        return self._step(self.input_norm(projected), hidden, cell)

    def _step(self, normalised: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        gates = normalised + self.hidden_norm(linear(hidden, self.hidden_weight))
        enter, keep, value, leave = gates.chunk(4, dim=-1)
        cell = self.cell_norm(keep.sigmoid() * cell + enter.sigmoid() * value.tanh())
        return leave.sigmoid() * cell.tanh(), cell
