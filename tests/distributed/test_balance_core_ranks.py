"""Every kind of rule on two ranks of unequal batches gives what one rank gives on the same global batch."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support.balanced import balanced, batch, farthest
from support.ranks import run_ranks
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from vatt_harmony.balance import AGM, MLB, OGM, OPM, PMR, Balancer, MMPareto, MultiLoss, NoBalancing, Rule

CASES: dict[str, tuple[Callable[[], Rule], dict[str, str | int]]] = {
    "none": (NoBalancing, {}),
    "multiloss": (MultiLoss, {}),
    "mlb grad": (MLB, {}),
    "mlb lr": (MLB, {"point": "lr"}),
    "mlb loss": (MLB, {"point": "loss"}),
    "mlb lag": (MLB, {"accumulation": 2}),
    "mlb shapley": (lambda: MLB(scores="shapley"), {}),
    "ogm": (OGM, {}),
    "agm": (AGM, {}),
    "mmpareto": (MMPareto, {}),
    "pmr": (PMR, {}),
    "opm at rest": (lambda: OPM(alpha=0.0, base=0.0), {}),
    "a rank without samples": (MLB, {}),
}
STEPS = 6
AUDIO = [torch.arange(16) % 3 != step % 3 for step in range(STEPS)]
AUDIO[2] = torch.arange(16) < 6
"""In the third step the second rank, which gets samples 6 to 15, has no sound at all."""

Trained = dict[str, tuple[dict[str, Tensor], list[Tensor | None]]]


def make(case: str) -> tuple[Balancer, torch.optim.Optimizer]:
    """A balancer and an optimizer of one case, in float64."""
    rule, options = CASES[case]
    balancer = balanced(rule(), dtype=torch.float64, **options)
    optimizer = torch.optim.SGD(balancer.parameter_groups(lr=0.2), momentum=0.9)
    balancer.attach(optimizer)
    return balancer, optimizer


def train_part(case: str, chosen: slice, parallel: bool) -> tuple[dict[str, Tensor], list[Tensor | None]]:
    """Parameters and coefficients after training on these samples of every global batch."""
    balancer, optimizer = make(case)
    wrapped = DistributedDataParallel(balancer) if parallel else balancer
    coefficients = []
    every = int(CASES[case][1].get("accumulation", 1))
    for step in range(STEPS):
        inputs, targets = batch(16, step, dtype=torch.float64)
        output = wrapped(**{name: value[chosen] for name, value in inputs.items()})
        loss, report = balancer.loss(output, targets[chosen], {"audio": AUDIO[step][chosen]})
        coefficients.append(report.k)
        (loss / every).backward()
        if (step + 1) % every == 0:
            optimizer.step()
            optimizer.zero_grad()
    return {name: parameter.detach() for name, parameter in balancer.named_parameters()}, coefficients


def on_rank(rank: int, world_size: int) -> Trained:
    """All cases on one of two ranks, the first of which has six samples of sixteen, or none."""
    firsts = {case: 0 if case == "a rank without samples" else 6 for case in CASES}
    return {case: train_part(case, slice(n) if rank == 0 else slice(n, 16), True) for case, n in firsts.items()}


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[Trained]:
    folder: Path = tmp_path_factory.mktemp("ranks")
    return run_ranks(on_rank, 2, folder)


@pytest.mark.parametrize("case", CASES)
def test_two_ranks_of_unequal_batches_are_one_rank(ranks: list[Trained], case: str) -> None:
    parameters, coefficients = train_part(case, slice(0, 16), False)
    (first, k_first), (second, k_second) = (rank[case] for rank in ranks)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert farthest(first, parameters) < 1e-9
    for one, other, whole in zip(k_first, k_second, coefficients, strict=True):
        if whole is None:
            assert one is None and other is None
        else:
            assert torch.equal(one, other) and torch.allclose(one, whole, atol=1e-9)
