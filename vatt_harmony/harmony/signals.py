"""Signals: what of a sample's loss gradients is compared, as one Gram matrix per sample.

A path is one way of a loss into the trunk through one sequence of the sample: (loss, branch, candidate). Its gradient
of a weight matrix is the outer product of output gradient u and input a, so the inner product of two such gradients is
⟨u, u'⟩·⟨a, a'⟩, and a loss' gradient is the sum over its paths, cross terms between branches included.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from vatt_harmony.errors import UserError
from vatt_harmony.objective.precision import without_autocast

Gradients = Mapping[str, Mapping[str, Tensor]]
Path = tuple[str, str, int]


def activation_kernel(act: Mapping[str, Tensor], branches: Sequence[str]) -> Tensor:
    """All that `last_linear` needs of the activations: inner products between each sample's sequences, `[B, S, S]`.

    act: branch → input of the last FFN's output matrix at the pooled token, `[B, P]` or `[B, K, P]`. A sample's S
    sequences are those of `branches` in this order, a text's K candidates one after another. fp32 or better. Every
    rank computes it on its own rows, so that S² numbers a sample travel between ranks, not S·P.
    """
    inputs = torch.cat([_rows(act[branch]) for branch in branches], dim=1)
    with without_autocast(inputs.device):
        return inputs @ inputs.mT


def last_linear(u: Gradients, kernel: Tensor | None, branches: Sequence[str]) -> Tensor:
    """Gram `[B, M, M]` of the M losses' gradients of the last FFN's output matrix (without bias), for every sample.

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
    paths = _paths(u, branches)
    # Sorted by branch and candidate, whatever loss comes first: the order of the kernel.
    sequences = sorted({path[1:] for path in paths}, key=lambda sequence: (branches.index(sequence[0]), sequence[1]))
    place = torch.tensor([sequences.index(path[1:]) for path in paths], device=kernel.device)
    return _gram(u, paths, kernel[:, place[:, None], place])


def representation(u: Gradients, kernel: Tensor | None, branches: Sequence[str]) -> Tensor:
    """Gram `[B, M, M]` of the M losses' gradients at the trunk's output, summed over `branches` and candidates.

    Shapes as in `last_linear`; `kernel` is not used. Source: MGDA-UB's representation gradients, arXiv 1810.04650.
    """
    paths = _paths(u, branches)
    same_sequence = [[float(path[1:] == other[1:]) for other in paths] for path in paths]
    gradient = u[paths[0][0]][paths[0][1]]
    return _gram(u, paths, torch.tensor(same_sequence, device=gradient.device))


SIGNALS: dict[str, Callable[[Gradients, Tensor | None, Sequence[str]], Tensor]] = {
    "last_linear": last_linear,
    "representation": representation,
}


def _paths(u: Gradients, branches: Sequence[str]) -> list[Path]:
    return [
        (loss, branch, candidate)
        for loss in u
        for branch in branches
        if branch in u[loss]
        for candidate in range(_rows(u[loss][branch]).shape[1])
    ]


def _gram(u: Gradients, paths: Sequence[Path], kernel: Tensor) -> Tensor:
    """Sum of kernel·⟨u, u'⟩ over the paths of every two losses; kernel `[B, S, S]` or `[S, S]` for S paths."""
    gradients = torch.cat([_rows(u[loss][branch]) for loss, branch in dict.fromkeys(path[:2] for path in paths)], dim=1)
    belongs = gradients.new_tensor([[float(path[0] == loss) for path in paths] for loss in u])
    return belongs @ (kernel.to(gradients.dtype) * (gradients @ gradients.mT)) @ belongs.T


def _rows(x: Tensor) -> Tensor:
    """`[B, D]` or `[B, K, D]` → `[B, 1 or K, D]`, in fp32 or better: in bf16 small cosines would lose their sign."""
    x = x.to(torch.promote_types(torch.float32, x.dtype))
    return x if x.dim() == 3 else x[:, None]
