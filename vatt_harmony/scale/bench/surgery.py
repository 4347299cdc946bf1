"""Row 02.2: the harmonized step against gradient surgery on the trunk's parameters, which needs a backward a loss."""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec

import torch
from torch import Tensor

from vatt_harmony.engine.encode import encode
from vatt_harmony.figures import Figure
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.objective.objective import pair_losses
from vatt_harmony.scale.bench.harmonized import OBJECTIVE
from vatt_harmony.scale.bench.overhead import CONFIG, STEPS, cpu_seconds, flagged, median_ratio
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measures
from vatt_harmony.scale.tiny import random_batch
from vatt_harmony.stream.batch import Batch

MEASURES = measures(
    "02.2",
    ("harmonized / PCGrad of the batch by two backwards, CPU time of a step", "<= 0.75", ""),
    ("harmonized / TorchJD PCGrad, CPU time of a step", "<= 0.60", ""),
    ("harmonized / TorchJD UPGrad, CPU time of a step", "<= 0.60", ""),
)


def two_backward_pcgrad(model: Vatt, batch: Batch) -> None:
    """PCGrad (arXiv 2001.06782) of two losses as it is usually written: one whole backward a loss."""
    terms, parameters = _losses(model, batch), list(model.parameters())
    first, second = (
        torch.autograd.grad(term, parameters, retain_graph=place == 0, allow_unused=True)
        for place, term in enumerate(terms)
    )
    inner, squares = torch.zeros(()), [torch.zeros(()), torch.zeros(())]
    for a, b in zip(first, second, strict=True):
        inner = inner + (0 if a is None or b is None else torch.dot(a.flatten(), b.flatten()))
        for place, g in enumerate((a, b)):
            squares[place] = squares[place] + (0 if g is None else g.square().sum())
    weights = [1 - inner.clamp(max=0) / square for square in squares]
    for parameter, *gradients in zip(parameters, first, second, strict=True):
        parts = [w * g for w, g in zip(weights, gradients, strict=True) if g is not None]
        parameter.grad = sum(parts[1:], parts[0]) if parts else None


def torchjd_step(aggregator: str) -> Callable[[Vatt, Batch], None]:
    """A step of TorchJD: the Jacobian of the two losses, aggregated."""
    from torchjd.aggregation import PCGrad, UPGrad
    from torchjd.autojac import backward, jac_to_grad

    combine = {"PCGrad": PCGrad, "UPGrad": UPGrad}[aggregator]()

    def step(model: Vatt, batch: Batch) -> None:
        terms = _losses(model, batch)
        reached = [parameter for parameter in model.parameters() if parameter.requires_grad]
        # One loss after the other is its faster way here: attention has no batched backward on the CPU.
        backward(terms, inputs=reached, parallel_chunk_size=1)
        jac_to_grad([parameter for parameter in reached if getattr(parameter, "jac", None) is not None], combine)

    return step


def run(options: Options) -> list[Figure]:
    """All steps on one model and batch, interleaved."""
    steps = {"harmonized": STEPS["harmonized"], "own": two_backward_pcgrad}
    if find_spec("torchjd") is None:
        raise NotRun("torchjd is not installed: pip install torchjd")
    steps |= {"PCGrad": torchjd_step("PCGrad"), "UPGrad": torchjd_step("UPGrad")}
    batch = random_batch(options.batch, CONFIG, candidates=5, missing=False)
    seconds = cpu_seconds(CONFIG, batch, options.pairs, steps)
    figures = []
    for figure, other in zip(flagged(MEASURES, options.batch), ("own", "PCGrad", "UPGrad"), strict=True):
        ratio, low, high = median_ratio(seconds["harmonized"], seconds[other])
        figures.append(replace(figure, value=ratio, low=low, high=high, n=options.pairs))
    return figures


def _losses(model: Vatt, batch: Batch) -> list[Tensor]:
    model.zero_grad(set_to_none=True)
    encoded = encode(model, batch, next(model.parameters()).device)
    z = {branch: encoded.spread(branch, rows) for branch, rows in encoded.z.items()}
    embeddings = model.head_stage(z, encoded.valid, update_statistics=True)
    return list(pair_losses(embeddings, encoded.valid, OBJECTIVE).terms.values())


ROW = Row(
    id="02.2",
    title="harmonized against gradient surgery on the trunk's parameters, shape of 02.1",
    takes="four minutes a repetition at batch 16, --pairs of them",
    measures=MEASURES,
    run=run,
)
