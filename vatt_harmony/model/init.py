"""Initial values: Keras' defaults, as in the official code."""

import math

import torch
from torch import nn


class Dense(nn.Linear):
    """Linear layer with a Glorot-uniform kernel and zero bias; `gain` scales the kernel."""

    def __init__(self, inputs: int, outputs: int, bias: bool = True, gain: float = 1.0) -> None:
        self.gain = gain
        super().__init__(inputs, outputs, bias)

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.weight, self.gain)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class StackedDense(nn.Linear):
    """Several equal linear maps in one product: `[.., inputs] -> copies x [.., outputs]`, each with its own Glorot."""

    def __init__(self, inputs: int, outputs: int, copies: int, bias: bool = True) -> None:
        self.copies = copies
        super().__init__(inputs, outputs * copies, bias)

    def reset_parameters(self) -> None:
        # The fans of one map, not of the stack, set its scale.
        for part in self.weight.chunk(self.copies):
            nn.init.xavier_uniform_(part)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


def table(rows: int, width: int) -> nn.Parameter:
    """Trainable table `[rows, width]`: truncated normal, std width^-0.5."""
    values = torch.empty(rows, width)
    std = 1 / math.sqrt(width)
    return nn.Parameter(nn.init.trunc_normal_(values, std=std, a=-2 * std, b=2 * std))


def vector(width: int) -> nn.Parameter:
    """Trainable vector `[width]`, as `table`: Keras' `glorot_normal` of a 1-D shape has the same std."""
    return nn.Parameter(table(1, width).detach()[0].clone())


def uniform_table(rows: int, width: int, bound: float = 0.05) -> nn.Parameter:
    """Trainable table `[rows, width]`, uniform in ±bound (Keras' embedding default)."""
    return nn.Parameter(nn.init.uniform_(torch.empty(rows, width), -bound, bound))
