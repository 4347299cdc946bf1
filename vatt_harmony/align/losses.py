"""What training lowers: the cross-entropy of the actions, and the ranking loss of order embeddings."""

import torch
from torch import Tensor
from torch.nn.functional import relu


def smoothed(targets: Tensor, legal: Tensor, smoothing: float) -> Tensor:
    """Target distributions `[..., K]`: (1 - smoothing) on `targets` `[...]`, the rest spread over `legal` `[..., K]`.

    The target gets its part of the rest too: with 0.03 and three legal actions 0.98, 0.01, 0.01. A step with a single
    legal action has all mass on it. Source: Wang et al., WACV 2021 (formula and released code).
    """
    spread = legal / legal.sum(-1, keepdim=True).clamp_min(1)
    hit = torch.zeros_like(spread).scatter_(-1, targets.unsqueeze(-1), 1.0)
    return (1 - smoothing) * hit + smoothing * spread


def action_loss(logits: Tensor, targets: Tensor, steps: Tensor, smoothing: float = 0.0) -> Tensor:
    """Sum over the real steps of the cross-entropy against `smoothed` targets; a scalar.

    `logits` `[B, T, K]`, -inf where an action is illegal; `targets` int64 `[B, T]`; `steps` int64 `[B]`: the first
    `steps[b]` are real. Divide by the number of real steps of all ranks.
    """
    real = torch.arange(targets.shape[1], device=targets.device) < steps.unsqueeze(1)
    logits, targets = logits[real], targets[real]
    legal = ~torch.isneginf(logits)
    # -inf times a target of 0 is NaN, and so is its gradient: illegal actions leave the sum before the product.
    logs = logits.log_softmax(-1).masked_fill(~legal, 0.0)
    return -(smoothed(targets, legal, smoothing).to(logs) * logs).sum()


def order_penalty(specific: Tensor, general: Tensor) -> Tensor:
    """||max(0, specific - general)||^2 over the last axis: 0 where `general` is at least as large everywhere.

    Source: Vendrov et al., ICLR 2016, as the negative of their score F(v, s).
    """
    return relu(specific - general).square().sum(-1)


def ranking_loss(
    clips: Tensor, sentences: Tensor, other_clips: Tensor, other_sentences: Tensor, margin: float
) -> Tensor:
    """Mean over P pairs of the hinge losses against one other clip and one other sentence each; all `[P, D]`.

    Source: Vendrov et al., ICLR 2016; one sampled contrast a side.
    """
    matched = order_penalty(clips, sentences)
    against_clip = relu(margin + matched - order_penalty(other_clips, sentences))
    against_sentence = relu(margin + matched - order_penalty(clips, other_sentences))
    return (against_clip + against_sentence).mean()
