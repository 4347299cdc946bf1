"""The low-rank classifier (LRC) that VATT's authors probe with, as printed and as released."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vatt_harmony.downstream.probe_metrics import Array, Truth


@dataclass(frozen=True, kw_only=True)
class LowRankConfig:
    """Training of C = U V on frozen features."""

    rank: int = 128
    """Inner width n."""
    keep: float = 0.1
    """Share of the n components that is kept in training."""
    mask: Literal["step", "sample"] = "step"
    """Whether a step or each sample draws the components that are kept."""
    decay: float = 0.0
    """Added to the loss: this times the squared weights of V."""
    lr: float = 5e-4
    """Of Adam."""
    batch: int = 64
    """Items of a step."""
    steps: int = 50_000
    """Optimizer steps, where `epochs` is 0."""
    epochs: int = 0
    """Passes over the training items."""


LOW_RANK = {
    "lrc": LowRankConfig(),
    "lrc-code": LowRankConfig(mask="sample", decay=0.1, epochs=1000),
}
"""Paper A.3.2: random 10 % of the components a step, 50,000 steps. Released code: dropout 0.9, L2 0.1, 1000 epochs."""


def fit_low_rank(
    config: LowRankConfig, features: Array, truth: Truth, seed: int, device: torch.device | str = "cpu"
) -> Callable[[Array], Array]:
    """Train on features [N, D] and classes [N, C]; returns features -> probabilities [N, C].

    Nothing is chosen on validation items, and features are not standardised: the protocol does neither. Rows with
    several classes are trained with a sigmoid for each.
    """
    generator = torch.Generator().manual_seed(seed)
    single = bool((truth.sum(axis=1) == 1).all())
    inner, outer = nn.Linear(features.shape[1], config.rank), nn.Linear(config.rank, truth.shape[1])
    for weight in (inner.weight, outer.weight):
        nn.init.xavier_uniform_(weight, generator=generator)
    for bias in (inner.bias, outer.bias):
        nn.init.zeros_(bias)
    model = nn.Sequential(inner, outer).to(device)
    x = torch.from_numpy(features).float().to(device)
    y = torch.from_numpy(truth).float().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    for chosen in _batches(config, len(x), generator):
        rows = chosen.to(device)
        hidden = inner(x[rows]) * _mask(config, len(rows), generator).to(device)
        logits = outer(hidden)
        loss = F.cross_entropy(logits, y[rows]) if single else F.binary_cross_entropy_with_logits(logits, y[rows])
        loss = loss + config.decay * outer.weight.square().sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    @torch.no_grad()
    def score(given: Array) -> Array:
        logits: Tensor = model(torch.from_numpy(given).float().to(device))
        return (logits.softmax(dim=-1) if single else logits.sigmoid()).double().cpu().numpy().astype(np.float64)

    return score


def _batches(config: LowRankConfig, items: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Row numbers of every step, each epoch in a new order."""
    steps = config.epochs * -(-items // config.batch) or config.steps
    epochs = (torch.split(torch.randperm(items, generator=generator), config.batch) for _ in itertools.count())
    return itertools.islice(itertools.chain.from_iterable(epochs), steps)


def _mask(config: LowRankConfig, rows: int, generator: torch.Generator) -> Tensor:
    """Factors [1 or rows, rank]: 1 / keep where a component is kept, else 0."""
    if config.mask == "sample":
        return (torch.rand(rows, config.rank, generator=generator) < config.keep).float() / config.keep
    kept = torch.randperm(config.rank, generator=generator)[: max(1, round(config.keep * config.rank))]
    mask = torch.zeros(1, config.rank)
    mask[0, kept] = config.rank / len(kept)
    return mask
