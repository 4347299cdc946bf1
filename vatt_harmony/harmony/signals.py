"""Signals at the trunk's output: what of a sample's loss gradients is compared, as one Gram matrix per sample.

A path is one way of a loss into the trunk through one sequence of the sample: (loss, branch, candidate). Its gradient
of a weight matrix is the outer product of output gradient u and input a, so the inner product of two such gradients is
⟨u, u'⟩·⟨a, a'⟩, and a loss' gradient is the sum over its paths, cross terms between branches included.

Signals that need the trunk itself (`last_block`, `exact`, `batch`) give the same Gram matrices; see `engine/`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from vatt_harmony.errors import UserError
from vatt_harmony.objective.precision import without_autocast

Gradients = Mapping[str, Mapping[str, Tensor]]
Path = tuple[str, str, int]
"""Loss, branch, candidate."""


def activation_kernel(act: Mapping[str, Tensor], branches: Sequence[str]) -> Tensor:
    """All that `last_linear` needs of the activations: inner products between each sample's sequences, `[B, S, S]`.

    act: branch → input of the last FFN's output matrix at the pooled token, `[B, P]` or `[B, K, P]`. A sample's S
    sequences are those of `branches` in this order, a text's K candidates one after another. fp32 or better. Every
    rank computes it on its own rows, so that S² numbers a sample travel between ranks, not S·P.
    """
    inputs = torch.cat([_rows(act[branch]) for branch in branches], dim=1)
    with without_autocast(inputs.device):
        return torch.bmm(inputs, inputs.mT)


def last_linear(u: Gradients, kernel: Tensor | None, branches: Sequence[str]) -> Tensor:
    """Gram `[B, M, M]` of the M losses' gradients of the last FFN's output matrix (without bias), times B².

    u: loss → branch → gradient at the trunk's output `[B, D]` or `[B, K, D]`; kernel: `activation_kernel` of the same
    `branches`, which are compared and each of which must be in u. Dropout after that matrix is ignored. Raises
    UserError without a kernel. Exact for that matrix.
    """
    if kernel is None:
        raise UserError(
            "The signal last_linear got no activations of the last FFN.",
            "Gradients of its output matrix cannot be compared.",
            "Let the model return them, or set harmony.signal to representation.",
        )
    products = _products(u, branches)
    place, collect = _layout(_paths(u, branches), tuple(u), tuple(branches), False, products.dtype, products.device)
    return _gram(products * kernel.to(products.dtype)[:, place[:, None], place], collect, len(u))


def representation(u: Gradients, kernel: Tensor | None, branches: Sequence[str]) -> Tensor:
    """Gram `[B, M, M]` of the M losses' gradients at the trunk's output over `branches` and candidates, times B².

    Shapes as in `last_linear`; `kernel` is not used. Source: MGDA-UB's representation gradients,
    arXiv 1810.04650.
    """
    products = _products(u, branches)
    _, collect = _layout(_paths(u, branches), tuple(u), tuple(branches), True, products.dtype, products.device)
    return _gram(products, collect, len(u))


SIGNALS: dict[str, Callable[[Gradients, Tensor | None, Sequence[str]], Tensor]] = {
    "last_linear": last_linear,
    "representation": representation,
}


def gram_at_output(signal: str, u: Gradients, kernel: Tensor | None, branches: Sequence[str]) -> Tensor:
    """The Gram `[B, M, M]` of one of `SIGNALS`, whatever mixed precision is around; arguments as in `last_linear`."""
    with without_autocast(next(iter(next(iter(u.values())).values())).device):
        return SIGNALS[signal](u, kernel, branches)


def _paths(u: Gradients, branches: Sequence[str]) -> tuple[Path, ...]:
    return tuple(
        (loss, branch, candidate)
        for loss in u
        for branch in branches
        if branch in u[loss]
        for candidate in range(1 if u[loss][branch].dim() == 2 else u[loss][branch].shape[1])
    )


@lru_cache(maxsize=16)
def _layout(
    paths: tuple[Path, ...],
    losses: tuple[str, ...],
    branches: tuple[str, ...],
    same_sequence: bool,
    dtype: torch.dtype,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Each path's sequence `[P]` in the order of the kernel, and the 0-1 matrix `[P·P, M·M]` that adds products up.

    With `same_sequence` only products of paths through one sequence count. Constants: made once, not every step.
    """
    # Sorted by branch and candidate, whatever loss comes first: the order of the kernel.
    sequences = sorted({path[1:] for path in paths}, key=lambda sequence: (branches.index(sequence[0]), sequence[1]))
    place = torch.tensor([sequences.index(path[1:]) for path in paths], device=device)
    belongs = torch.tensor([[float(path[0] == loss) for loss in losses] for path in paths], dtype=dtype, device=device)
    collect = torch.einsum("pm,qn->pqmn", belongs, belongs)
    if same_sequence:
        collect = collect * (place[:, None] == place)[:, :, None, None]
    return place, collect.reshape(len(paths) ** 2, len(losses) ** 2)


def _products(u: Gradients, branches: Sequence[str]) -> Tensor:
    """Inner products of the gradients of all paths `[B, P, P]`, times B².

    Gradients of mean losses shrink as 1 / B; undone, lest their squares underflow at large batches. One number for all
    losses: another for each would change the weights.
    """
    gradients = torch.cat([_rows(u[loss][b]) for loss in u for b in branches if b in u[loss]], dim=1)
    gradients = gradients * len(gradients)
    return torch.bmm(gradients, gradients.mT)


def _gram(products: Tensor, collect: Tensor, losses: int) -> Tensor:
    return (products.flatten(1) @ collect).view(-1, losses, losses)


def _rows(x: Tensor) -> Tensor:
    """`[B, D]` or `[B, K, D]` → `[B, 1 or K, D]`, in fp32 or better: in bf16 small cosines would lose their sign."""
    x = x if x.dtype == torch.float64 else x.float()
    return x if x.dim() == 3 else x[:, None]
