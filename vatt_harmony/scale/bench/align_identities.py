"""Row 03.7: what LARS and sequence-wise batch norm do by their definitions, on the published network, in float64."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from vatt_harmony.align.batch import Batch
from vatt_harmony.align.config import NetworkConfig, OptimConfig
from vatt_harmony.align.lars import LarsAdam
from vatt_harmony.align.losses import action_loss
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.sbn import EPS, SequenceBatchNorm
from vatt_harmony.align.train.optimizer import build_optimizer
from vatt_harmony.figures import Figure
from vatt_harmony.scale.bench.align_forcing import WIDTHS, pieces
from vatt_harmony.scale.bench.suite import Options, Row, measures

OPTIM = OptimConfig()
UPDATES = 3
SEQUENCES, STEPS, CHANNELS = 6, 20, 16

MEASURES = measures(
    "03.7",
    ("largest relative deviation of ‖Δp‖/‖p‖ from γη over all tensors and 3 updates of rp-lars-sbn", "<= 1e-6", ""),
    ("largest deviation of tensors that are zero from γη times Adam's step", "<= 1e-12", ""),
    ("SBN against batch norm over the unpadded steps: outputs in training, their gradients", "<= 1e-12", ""),
    ("the same: running statistics, outputs in evaluation", "<= 1e-12", ""),
)


def moved_shares(network: NetworkConfig) -> list[float]:
    """‖Δp‖/‖p‖ of each tensor with a norm in each update; the gradient is clipped first, as in training."""
    batch = pieces()
    batch = replace(batch, features=tuple(each.double() for each in batch.features))
    model = NeuMatch(network, WIDTHS).double()
    optimizer = build_optimizer(model.parameters(), OPTIM)
    shares = []
    for _ in range(UPDATES):
        optimizer.zero_grad()
        torch.autograd.backward(_loss(model, batch))
        torch.nn.utils.clip_grad_norm_(model.parameters(), OPTIM.clip)
        before = [parameter.detach().clone() for parameter in model.parameters()]
        optimizer.step()
        shares += [
            float((new.detach() - old).norm() / old.norm())
            for old, new in zip(before, model.parameters(), strict=True)
            if old.norm() > 0
        ]
    return shares


def zero_deviation() -> float:
    """How far a first step from zero is from γη times Adam's, which is the sign of the gradient but for its eps."""
    tensor = nn.Parameter(torch.zeros(100, dtype=torch.float64))
    tensor.grad = torch.randn(100, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    step = tensor.grad / (tensor.grad.abs() + OPTIM.eps)
    LarsAdam([tensor], lr=OPTIM.lr, trust=OPTIM.trust).step()
    return float((tensor.detach() + OPTIM.lr * OPTIM.trust * step).abs().max())


def norm_deviations() -> Iterator[tuple[float, float]]:
    """SBN on padded sequences against torch's batch norm on the real steps alone: in training, afterwards."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        x = 3 + torch.randn(SEQUENCES, STEPS, CHANNELS, generator=generator, dtype=torch.float64)
        lengths = torch.randint(1, STEPS + 1, (SEQUENCES, 1), generator=generator)
        weights = torch.randn(CHANNELS, generator=generator, dtype=torch.float64)
        yield _compared(x, torch.arange(STEPS) < lengths, weights)


def _compared(x: Tensor, real: Tensor, weights: Tensor) -> tuple[float, float]:
    ours, count = SequenceBatchNorm(CHANNELS).double(), int(real.sum())
    unbiased = (count - 1) / count  # torch normalises by the biased variance; this makes its eps ours too
    theirs = nn.BatchNorm1d(CHANNELS, eps=EPS * unbiased, dtype=torch.float64)
    mine, its = x.clone().requires_grad_(), x[real].clone().requires_grad_()
    out, expected = ours(mine, real)[real], theirs(its) * unbiased**0.5
    for each in (out, expected):
        torch.autograd.backward((each.square() * weights).sum())
    assert mine.grad is not None and its.grad is not None
    ours.eval()
    theirs.eval().eps = EPS
    training = [(out, expected), (mine.grad[real], its.grad)]
    after = [(ours.running_mean, theirs.running_mean), (ours.running_var, theirs.running_var)]
    after.append((ours(x, real)[real], theirs(x[real])))
    return _largest(training), _largest(after)


def _loss(model: NeuMatch, batch: Batch) -> Tensor:
    return action_loss(model(batch), batch.targets, batch.steps, 0.03) / batch.steps.sum()


def _largest(pairs: list[tuple[Tensor, Tensor | None]]) -> float:
    return max(float((one - other).detach().abs().max()) for one, other in pairs if other is not None)


def run(options: Options) -> list[Figure]:
    """All of them."""
    shares = moved_shares(NetworkConfig())
    wanted = OPTIM.lr * OPTIM.trust
    norms = list(norm_deviations())
    values = [
        max(abs(share / wanted - 1) for share in shares),
        zero_deviation(),
        max(training for training, _ in norms),
        max(after for _, after in norms),
    ]
    counts = [len(shares), 1, len(norms), len(norms)]
    return [replace(f, value=v, n=n) for f, v, n in zip(MEASURES, values, counts, strict=True)]


ROW = Row(
    id="03.7",
    title="LARS moves every tensor by γη of its norm; SBN is batch norm over unpadded steps",
    takes="10 seconds",
    measures=MEASURES,
    run=run,
)
