"""Gradients of somebody else's losses at the rows they are made of."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from vatt_harmony.errors import UserError
from vatt_harmony.objective.precision import without_autocast

Losses = Callable[[dict[str, Tensor]], Mapping[str, Tensor]]
"""Rows of all ranks by name -> scalars by name."""


def differentiate(
    losses: Losses, rows: Mapping[str, Tensor], trained: tuple[str, ...]
) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
    """The losses with graph, 0-d, and loss -> name -> its gradient at the rows of the `trained` names that it reaches.

    rows: without graph, `[B, ...]`; `losses` gets the trained ones in fp32 or better and runs outside of autocast. No
    parameter gets a gradient. Raises UserError for what is no scalar, losses without rows, rows without losses.
    """
    leaves = dict(rows) | {name: _leaf(rows[name]) for name in trained}
    with without_autocast(next(iter(rows.values())).device):
        terms = {loss: _scalar(loss, term) for loss, term in losses(dict(leaves)).items()}
        u = {loss: _at(leaves, trained, loss, term) for loss, term in terms.items()}
    unused = [name for name in trained if not any(name in gradients for gradients in u.values())]
    if unused:
        raise UserError(
            f"No loss depends on {unused} of z",
            "Their towers would get no gradient",
            "Use them in a loss, or leave them out of z",
        )
    return terms, u


def _leaf(rows: Tensor) -> Tensor:
    return rows.to(torch.promote_types(torch.float32, rows.dtype)).requires_grad_()


def _scalar(loss: str, term: Tensor) -> Tensor:
    if term.numel() != 1:
        raise UserError(
            f"Loss {loss!r} has the shape {list(term.shape)}",
            "Only scalars add up to a total",
            "Return its mean over the samples that have it",
        )
    return term.reshape(())


def _at(leaves: Mapping[str, Tensor], trained: tuple[str, ...], loss: str, term: Tensor) -> dict[str, Tensor]:
    ends = [leaves[name] for name in trained]
    # The graph is kept for the other losses, and for the heads' own gradients.
    found = torch.autograd.grad(term, ends, retain_graph=True, allow_unused=True) if term.requires_grad else ()
    gradients = {name: g for name, g in zip(trained, found, strict=False) if g is not None}
    if not gradients:
        raise UserError(
            f"Loss {loss!r} does not depend on any of {list(trained)} as it was handed to the losses",
            "It has no gradient to compare",
            "Make it from the argument of `losses`, also for a batch without a valid sample (multiply by 0); add what "
            "concerns the heads alone to the loss that the harmonizer returns",
        )
    return gradients
