"""A fixed random projection: features of any width to one width, without a parameter to fit."""

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize


class RandomProjection(nn.Module):
    """Features projected and brought to unit length.

    Entries are sqrt(3) times +1, 0, -1 with probabilities 1/6, 2/3, 1/6 (Achlioptas 2003), as in Wang et al., WACV
    2021. The matrix is a buffer: it is saved with the network, and no optimizer sees it.
    """

    matrix: Tensor

    def __init__(self, features: int, width: int, generator: Generator) -> None:
        super().__init__()
        draws = torch.randint(6, (features, width), generator=generator)
        self.register_buffer("matrix", math.sqrt(3) * ((draws == 0).float() - (draws == 1).float()))

    def forward(self, features: Tensor) -> Tensor:
        """`[..., features]` -> `[..., width]`; a row of zeros stays one."""
        return normalize(features @ self.matrix, dim=-1)
