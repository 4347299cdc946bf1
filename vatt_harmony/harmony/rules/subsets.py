"""Orders and subsets of the losses, for rules that are solved exactly by going through all of them."""

from functools import cache
from itertools import permutations, product

import torch
from torch import Tensor

from vatt_harmony.errors import UserError

MOST_LOSSES = 6
"""Beyond, the number of orders (720) and subsets (64) of a sample would outgrow the step."""


@cache
def orders(losses: int, device: torch.device) -> Tensor:
    """All permutations of the losses, int64 `[M!, M]`; raises UserError above 6 losses."""
    _require_few(losses)
    return torch.tensor(list(permutations(range(losses))), device=device)


@cache
def subsets(losses: int, device: torch.device) -> Tensor:
    """All subsets of the losses, the empty one first, bool `[2^M, M]`; raises UserError above 6 losses."""
    _require_few(losses)
    return torch.tensor(list(product((False, True), repeat=losses)), device=device)


def cut_out(matrix: Tensor, subset: Tensor) -> Tensor:
    """Every subset's rows and columns of matrix `[B, M, M]`, those of the identity elsewhere: `[B, subsets, M, M]`."""
    identity = torch.eye(matrix.shape[1], dtype=matrix.dtype, device=matrix.device)
    return torch.where(subset[:, :, None] & subset[:, None, :], matrix[:, None], identity)


def best(candidates: Tensor, cost: Tensor, feasible: Tensor) -> Tensor:
    """The feasible candidate of lowest cost: `[B, C, M]`, `[B, C]`, `[B, C]` -> `[B, M]`."""
    chosen = cost.masked_fill(~feasible, float("inf")).argmin(dim=1)
    return candidates.take_along_dim(chosen[:, None, None], dim=1)[:, 0]


def _require_few(losses: int) -> None:
    if losses > MOST_LOSSES:
        raise UserError(
            f"This rule is solved exactly for at most {MOST_LOSSES} losses, got {losses}.",
            "Going through all their orders or subsets would take longer than the training step.",
            "Use the rule sum, imtl_g, aligned or config, or fewer losses.",
        )
