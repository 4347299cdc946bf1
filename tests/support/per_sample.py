"""Harmonized gradients the long way: every sample's own gradient of every loss, by a backward of its own."""

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations

import torch
from torch import Tensor

Losses = Callable[[dict[str, Tensor]], Mapping[str, Tensor]]


def explicit_gradients(
    z: Mapping[str, Tensor],
    losses: Losses,
    parameters: Sequence[Tensor],
    towers: Sequence[Sequence[str]],
    last_linear: Sequence[Tensor] = (),
    valid: Mapping[str, Tensor] | None = None,
) -> list[Tensor]:
    """PCGrad, per sample, of what each of `parameters` gets from the rows of z: zeros where nothing reaches it.

    towers: the names of z that two losses reach, by shared weights; the others are left unscaled. Compared are the
    rows' gradients, or with `last_linear` the samples' own gradients of these parameters.
    """
    leaves = {name: rows.detach().requires_grad_(rows.requires_grad) for name, rows in z.items()}
    trained = [name for name in z if z[name].requires_grad]
    u = {}
    for loss, term in losses(dict(leaves)).items():
        found = torch.autograd.grad(term, [leaves[n] for n in trained], retain_graph=True, allow_unused=True)
        u[loss] = {name: g for name, g in zip(trained, found, strict=True) if g is not None}
    shared = [name for tower in towers for name in tower]
    private = [name for name in trained if name not in shared]
    total = [torch.zeros_like(p) for p in parameters]
    for row in range(len(next(iter(z.values())))):
        present = [loss for loss in u if valid is None or loss not in valid or bool(valid[loss][row])]
        own = {loss: path_gradient(z, u[loss], shared, row, parameters) for loss in u}
        if last_linear:
            places = [[p is weight for p in parameters].index(True) for weight in last_linear]
            vectors = {loss: torch.cat([own[loss][place].flatten() for place in places]) for loss in present}
        else:
            vectors = {loss: torch.cat([_row(u[loss], z, name, row) for name in shared]) for loss in present}
        weights = dict.fromkeys(u, 1.0) | projected(vectors)
        for loss in u:
            for target, gradient in zip(total, own[loss], strict=True):
                target.add_(gradient, alpha=weights[loss])
            for target, gradient in zip(total, path_gradient(z, u[loss], private, row, parameters), strict=True):
                target.add_(gradient)
    return total


def path_gradient(
    z: Mapping[str, Tensor], u: Mapping[str, Tensor], names: Sequence[str], row: int, parameters: Sequence[Tensor]
) -> list[Tensor]:
    """What flows through one row of the named outputs into each parameter."""
    reached = [name for name in names if name in u]
    if not reached:
        return [torch.zeros_like(p) for p in parameters]
    only = [torch.zeros_like(u[name]) for name in reached]
    for cotangent, name in zip(only, reached, strict=True):
        cotangent[row] = u[name][row]
    found = torch.autograd.grad([z[n] for n in reached], parameters, only, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def projected(vectors: Mapping[str, Tensor]) -> dict[str, float]:
    """PCGrad on the vectors themselves, averaged over the orders of projection: coefficients of the sum."""
    weights = dict.fromkeys(vectors, 0.0)
    for first in vectors:
        orders = list(permutations(name for name in vectors if name != first))
        for order in orders:
            current, coefficients = vectors[first].clone(), {first: 1.0}
            for other in order:
                inner = float(current @ vectors[other] / vectors[other].square().sum())
                if inner < 0:
                    current = current - inner * vectors[other]
                    coefficients[other] = coefficients.get(other, 0.0) - inner
            for name, coefficient in coefficients.items():
                weights[name] += coefficient / len(orders)
    return weights


def _row(u: Mapping[str, Tensor], z: Mapping[str, Tensor], name: str, row: int) -> Tensor:
    return (u[name] if name in u else torch.zeros_like(z[name]))[row].flatten()
