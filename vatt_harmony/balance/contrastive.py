"""Balancing contrastive pretraining: scores of pairs to scores of modalities or coefficients of pairs; a proposal.

Pairs are of modalities, such as ("video", "audio"). Pure functions; untested in training.
"""

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor

from vatt_harmony.balance.ratios import behind
from vatt_harmony.balance.rules.mlb import tanh

Pair = tuple[str, str]
Name = TypeVar("Name", str, Pair)
Number = TypeVar("Number", float, Tensor)


def retrieval_probability(similarities: Tensor, positives: Tensor) -> Tensor:
    """Mean over the rows of the softmax mass on each row's positives: similarities and bool positives `[N, K]`.

    In fp32; rows without a positive are left out, NaN without any. Similarities are already divided by the temperature.
    Not from a loss that has the positives in its denominator twice: its exp(-loss) never exceeds 1 / 2.
    """
    mass = (similarities.float().softmax(-1) * positives).sum(-1)
    return mass[positives.any(-1)].mean()


def above_chance(probability: Number, chance: float) -> Number:
    """(p - c) / (1 - c): 0 for uniform similarities, 1 for certainty.

    c is one over the candidates of the direction: texts of video to text, videos of text to video, the batch for sound;
    with K captions a clip the summed mass of the positives has chance K / (K B) = 1 / B.
    """
    return (probability - chance) / (1 - chance)


def pair_score(there: Number, back: Number) -> Number:
    """q of a pair: mean of the two directions."""
    return (there + back) / 2


def modality_scores(pairs: Mapping[Pair, float]) -> dict[str, float]:
    """s_m: mean of q over the pairs that hold m, in the order of first mention.

    With the two pairs of VATT the ratio of video is 1 whatever the scores are; with two modalities both are equal.
    """
    names = dict.fromkeys(name for pair in pairs for name in pair)
    holding = {name: [q for pair, q in pairs.items() if name in pair] for name in names}
    return {name: sum(scores) / len(scores) for name, scores in holding.items()}


def modality_coefficients(pairs: Mapping[Pair, float], alpha: float = 2.0, beta_max: float = 2.0) -> dict[str, float]:
    """MLB's k of each modality, for the point `lr`."""
    return _coefficients(modality_scores(pairs), alpha, beta_max)


def pair_coefficients(pairs: Mapping[Pair, float], alpha: float = 2.0, beta_max: float = 2.0) -> dict[Pair, float]:
    """MLB's k of each pair, of which one's own q is the score: the recommended form, on the weights of the losses."""
    return _coefficients(pairs, alpha, beta_max)


def _coefficients(scores: Mapping[Name, float], alpha: float, beta_max: float) -> dict[Name, float]:
    values = torch.tensor(list(scores.values()), dtype=torch.float64)
    k = tanh(behind(values, torch.ones_like(values, dtype=torch.bool)), alpha, beta_max)
    return dict(zip(scores, k.tolist(), strict=True))
