"""Recurrent stacks: several LSTM layers over whole sequences at once, or one step at a time."""

from collections.abc import Iterator
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from vatt_harmony.align.ln_lstm import LayerNormLSTM


class Layer(Protocol):
    """One recurrent layer."""

    input_weight: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Hidden states `[B, T, H]` over `[B, T, D]`, from zero."""

    def step(self, projected: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden state and cell `[R, H]` after an input that `input_weight` has projected to `[R, 4H]`."""


class OneLayerLSTM(nn.LSTM):
    """torch's LSTM, its parameters named for the type checker."""

    weight_ih_l0: nn.Parameter
    weight_hh_l0: nn.Parameter
    bias_ih_l0: nn.Parameter
    bias_hh_l0: nn.Parameter


class LSTMLayer(nn.Module):
    """torch's LSTM of one layer, whose cell can also be called alone."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.lstm = OneLayerLSTM(features, width, batch_first=True)

    @property
    def input_weight(self) -> Tensor:
        """`[4H, D]`."""
        return self.lstm.weight_ih_l0

    def forward(self, x: Tensor) -> Tensor:
        """As `Layer.__call__`."""
        return cast(Tensor, self.lstm(x)[0])

    def step(self, projected: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """As `Layer.step`."""
        lstm = self.lstm
        gates = linear(hidden, lstm.weight_hh_l0, lstm.bias_hh_l0 + lstm.bias_ih_l0) + projected
        enter, keep, value, leave = gates.chunk(4, dim=-1)
        cell = keep.sigmoid() * cell + enter.sigmoid() * value.tanh()
        return leave.sigmoid() * cell.tanh(), cell


class Stack(nn.Module):
    """Layers one above the other. The state of R stacks is `[R, L, 2, H]`: of each layer hidden state and cell."""

    def __init__(self, features: int, width: int, layers: int, *, layer_norm: bool) -> None:
        super().__init__()
        kind = LayerNormLSTM if layer_norm else LSTMLayer
        self.layers = nn.ModuleList(kind(width if above else features, width) for above in range(layers))
        self.width = width

    def forward(self, x: Tensor) -> list[Tensor]:
        """Hidden states `[B, T, H]` of every layer over `[B, T, D]`, from zero."""
        if not x.shape[1]:
            return [x.new_zeros(len(x), 0, self.width) for _ in self.layers]
        states: list[Tensor] = []
        for layer in self._layers():
            x = layer(x)
            states.append(x)
        return states

    @property
    def input_weight(self) -> Tensor:
        """Input weight `[4H, D]` of the lowest layer."""
        return next(self._layers()).input_weight

    def start(self, rows: int) -> Tensor:
        """The state before any input."""
        return self.input_weight.new_zeros(rows, len(self.layers), 2, self.width)

    def step(self, projected: Tensor, state: Tensor) -> Tensor:
        """The state after one more input, which `input_weight` has projected to `[R, 4H]`."""
        states: list[tuple[Tensor, Tensor]] = []
        for number, layer in enumerate(self._layers()):
            if number:
                projected = linear(states[-1][0], layer.input_weight)
            states.append(layer.step(projected, state[:, number, 0], state[:, number, 1]))
        return torch.stack([part for pair in states for part in pair], dim=1).view_as(state)

    def _layers(self) -> Iterator[Layer]:
        return iter(cast("list[Layer]", self.layers))


def feature(state: Tensor) -> Tensor:
    """What the head reads of states `[..., L, 2, H]`: the sum of the layers' hidden states `[..., H]`."""
    return state[..., 0, :].sum(-2)
