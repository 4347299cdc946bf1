"""The rules against TorchJD's aggregators on random gradients, where both define the same."""

from collections.abc import Callable
from types import ModuleType

import torch
from torch import Tensor

from vatt_harmony.harmony.rules import RULES

SAMPLES, WIDTH = 40, 6


def largest_deviation() -> dict[str, float]:
    """Rule → largest relative difference of an update of two or three losses from TorchJD's, fp64.

    `pcgrad` for two losses only: with three, TorchJD draws an order and ours averages over them. Raises ImportError
    without torchjd.
    """
    import torchjd.aggregation as oracle
    from torchjd.linalg import QuadprogProjector

    return {
        rule: max(_deviation(rule, aggregator, losses) for losses in ((2,) if rule == "pcgrad" else (2, 3)))
        for rule, aggregator in _aggregators(oracle, QuadprogProjector(reg_eps=1e-12)).items()
    }


def _aggregators(oracle: ModuleType, projector: object) -> dict[str, Callable[[Tensor], Tensor]]:
    return {
        "sum": oracle.Sum(),
        "pcgrad": oracle.PCGrad(),
        "imtl_g": oracle.IMTLG(),
        "aligned": oracle.AlignedMTL(),
        "config": oracle.ConFIG(),
        "upgrad": oracle.UPGrad(projector=projector),
    }


def _deviation(rule: str, aggregator: Callable[[Tensor], Tensor], losses: int) -> float:
    generator = torch.Generator().manual_seed(losses)
    gradients = torch.randn(SAMPLES, losses, WIDTH, generator=generator, dtype=torch.float64)
    gradients *= 10 ** (2 * torch.rand(SAMPLES, losses, 1, generator=generator, dtype=torch.float64) - 1)
    gram = gradients @ gradients.mT
    weights = RULES[rule](gram, torch.ones(SAMPLES, losses, dtype=torch.bool))
    found = torch.einsum("bm,bmp->bp", weights, gradients)
    wanted = torch.stack([aggregator(matrix) for matrix in gradients])
    return float(((found - wanted).norm(dim=1) / wanted.norm(dim=1)).max())
