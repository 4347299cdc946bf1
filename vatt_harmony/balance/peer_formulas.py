"""Formulas of two published ways of balancing that need a training loop of their own, for whoever writes that loop."""

import math
from typing import Literal

import torch
from torch import Tensor

Projection = Literal["scalar", "outer", "off"]


def relearning_weight(train_purity: float, validation_purity: float, steepness: float = 3.0) -> float:
    """Share w of an encoder's initial weights to go back to: theta <- w theta_0 + (1 - w) theta.

    w = tanh(3 |purity_train - purity_val|), purities of K-means clusters (K = classes) of the modality's features.
    Diagnosing & Re-learning (Wei et al., ECCV 2024, arXiv 2407.09705), at epochs 20, 40 and 60 of 90.
    """
    return math.tanh(steepness * abs(train_purity - validation_purity))


def project(projection: Tensor, feature: Tensor, alpha: float, kind: Projection = "scalar") -> Tensor:
    """The next projection P `[D, D]` of a head's gradient, away from the mean feature r `[D]` of the batch.

    P - (P r)(P r)^T / (alpha + r^T P r), then divided by its Frobenius norm; P starts as the identity. The gradient of
    a shared head is multiplied by P^T. `outer` divides by alpha + (P r) r^T element by element, as MLA's release is
    written; `off` changes nothing, which is what the release does. MLA (Zhang et al., CVPR 2024, arXiv 2311.10707).
    """
    if kind == "off":
        return projection
    along = projection @ feature
    divisor = alpha + (feature @ along if kind == "scalar" else torch.outer(along, feature))
    renewed: Tensor = projection - torch.outer(along, along) / divisor
    norm: Tensor = torch.linalg.matrix_norm(renewed)
    return renewed / norm


def projection_alpha(step: int, steps_per_epoch: int) -> float:
    """MLA's regulariser of a step, counted from 0: .1^(1 + step / steps_per_epoch)."""
    return float(0.1 ** (1 + step / steps_per_epoch))
