"""What an encoder has learnt: a logistic regression on its features, the same for every encoder."""

import warnings

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from vatt_harmony.scale.balance_study.fold import Fold
from vatt_harmony.scale.balance_study.task import Part

STRENGTH, ITERATIONS = 0.1, 100
"""Inverse of the penalty on standardised features, and the most L-BFGS iterations: no dial is turned for any arm."""


@torch.no_grad()
def probe(encoder: nn.Module, modality: str, fold: Fold, part: Part = "test") -> Tensor:
    """Which clips of a part it gets right, bool; fitted to the features of the training clips, unshifted."""
    encoder.eval()
    known, asked = (encoder(fold.inputs(each)[modality]) for each in ("train", part))
    mean, scale = known.mean(0), known.std(0).clamp(min=1e-3)  # there are units that never fire
    fitted = LogisticRegression(C=STRENGTH, max_iter=ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(((known - mean) / scale).numpy(), fold.labels("train").numpy())
    answers = torch.from_numpy(fitted.predict(((asked - mean) / scale).numpy()))
    return answers == fold.labels(part)
