"""Coefficients over the whole range of ratios, and the floors of MLB; arXiv 2405.07930, 2203.15332, 2211.07089."""

from collections.abc import Iterator

import torch

from vatt_harmony.balance.rules import acc, mlb, ogm
from vatt_harmony.scale.balance_checks.check import Check, each

RATIOS = (0.25, 0.5, 0.8, 0.95, 1.0, 1.05, 1.25, 2.0, 4.0)
MLB = {
    (0.5, 10): (0.642, 0.755, 0.900, 0.975, 1, 1.225, 2.119, 5.159, 9.146),
    (0.5, 5): (0.642, 0.755, 0.900, 0.975, 1, 1.100, 1.497, 2.848, 4.621),
    (0.5, 20): (0.642, 0.755, 0.900, 0.975, 1, 1.475, 3.363, 9.780, 18.198),
    (0.5, 2): (0.642, 0.755, 0.900, 0.975, 1, 1.025, 1.124, 1.462, 1.905),
    (0.8, 2): (0.463, 0.620, 0.841, 0.960, 1, 1.040, 1.197, 1.664, 1.984),
    (2, 2): (0.095, 0.238, 0.620, 0.900, 1, 1.100, 1.462, 1.964, 2.000),
    (3, 2): (0.022, 0.095, 0.463, 0.851, 1, 1.149, 1.635, 1.995, 2.000),
    (5, 2): (0.001, 0.013, 0.238, 0.755, 1, 1.245, 1.848, 2.000, 2.000),
}
"""(alpha, beta_max) -> k at each of `RATIOS`."""
OGM = (1, 1, 1, 1, 1, 0.314, 0.238, 0.078, 0.003)
ACC = (1, 1, 1, 1, 1, 1.686, 1.762, 1.922, 1.997)
FLOORS = {0.5: 0.538, 0.8: 0.336, 1: 0.238, 2: 0.036, 3: 0.005, 5: 0.0001}


def checks() -> Iterator[Check]:
    """90 coefficients and 6 floors."""
    ratios = torch.tensor(RATIOS, dtype=torch.float64)
    for (alpha, beta_max), wanted in MLB.items():
        found = mlb.tanh(ratios, alpha, beta_max).tolist()
        yield from each("k table", f"MLB, alpha {alpha}, beta_max {beta_max}", found, wanted, 3)
    yield from each("k table", "OGM, alpha 0.8", ogm.slowed(ratios, 0.8).tolist(), OGM, 3)
    yield from each("k table", "ACC, alpha 0.8", acc.sped(ratios, 0.8).tolist(), ACC, 3)
    for alpha, wanted_floor in FLOORS.items():
        floor = float(mlb.tanh(torch.zeros(1, dtype=torch.float64), alpha, 2.0))
        yield from each("floors", f"MLB, alpha {alpha}", [floor], [wanted_floor], 4 if alpha == 5 else 3)
