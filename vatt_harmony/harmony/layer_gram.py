"""Inner products of the losses' gradients of one layer's parameters, for every sample, without keeping the gradients.

A linear layer's gradient for one sample is Bᵀ A: A its inputs at the sample's T tokens, B the loss' gradients at its
outputs there. Tokens of all the sample's sequences count, since a loss' gradient of a shared matrix is their sum.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from vatt_harmony.objective.precision import without_autocast

GRADIENT_NUMBERS = 2**26
"""Numbers of per-sample gradients held at a time (256 MiB in fp32); samples beyond come in further chunks."""


def layer_gram(layer: nn.Module, inputs: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
    """Gram `[B, M, M]` of the M losses' gradients of all parameters of `layer`, a Linear or LayerNorm.

    inputs: for each loss the layer's inputs at the T tokens this loss reaches, `[B, T, P]`, T = 0 if it reaches none;
    gradients: that loss' gradients at the outputs there, `[B, T, Q]`, zeros where a sample has no such token.
    In fp32 or better. Raises TypeError for another kind of layer. Source: ghost products of Goodfellow,
    arXiv 1510.01799, extended to tokens, as in awslabs/fast-differential-privacy.
    """
    wide = torch.promote_types(torch.float32, gradients[0].dtype)
    inputs, gradients = [a.to(wide) for a in inputs], [b.to(wide) for b in gradients]
    with without_autocast(gradients[0].device):
        if isinstance(layer, nn.Linear):
            gram = linear_gram(inputs, gradients)
            return gram if layer.bias is None else gram + _summed(gradients)
        if isinstance(layer, nn.LayerNorm):
            normal = [layer_norm(a, layer.normalized_shape, eps=layer.eps) for a in inputs]
            return _summed(gradients) + _summed([a * b for a, b in zip(normal, gradients, strict=True)])
    raise TypeError(f"gradients of {type(layer).__name__} cannot be compared, only of Linear and LayerNorm")


def linear_gram(inputs: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
    """`layer_gram` of a weight matrix alone, by the cheaper of two ways: its gradients, or products of tokens."""
    tokens = [a.shape[1] for a in inputs]
    p, q = inputs[0].shape[2], gradients[0].shape[2]
    pairs = [tokens[m] * tokens[n] for m in range(len(tokens)) for n in range(m + 1)]
    chosen, numbers = _by_tokens, 2 * max(pairs)
    if p * q * (sum(tokens) + len(pairs)) < (p + q) * sum(pairs):
        chosen, numbers = _by_gradients, p * q * len(tokens)
    rows = max(1, GRADIENT_NUMBERS // max(1, numbers))
    chunks = zip(*[torch.split(tensor, rows) for tensor in (*inputs, *gradients)], strict=True)
    return torch.cat([chosen(chunk[: len(tokens)], chunk[len(tokens) :]) for chunk in chunks])


def _by_gradients(inputs: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
    """Make every loss' matrix gradient: p·q·T multiplications a loss."""
    full = torch.stack([(b.mT @ a).flatten(1) for a, b in zip(inputs, gradients, strict=True)], dim=1)
    return full @ full.mT


def _by_tokens(inputs: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
    """Ghost products Σ_ts ⟨a_t, a_s⟩⟨b_t, b_s⟩: (p + q)·T·T' multiplications for two losses, no matrix gradient."""
    count = len(inputs)
    gram = inputs[0].new_empty(len(inputs[0]), count, count)
    for m in range(count):
        for n in range(m + 1):
            product = (inputs[m] @ inputs[n].mT) * (gradients[m] @ gradients[n].mT)
            gram[:, m, n] = gram[:, n, m] = product.sum(dim=(1, 2))
    return gram


def _summed(terms: Sequence[Tensor]) -> Tensor:
    """Gram of vectors that are sums over the tokens."""
    vectors = torch.stack([term.sum(dim=1) for term in terms], dim=1)
    return vectors @ vectors.mT
