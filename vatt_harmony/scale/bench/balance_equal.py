"""Row 04.2: two ranks, accumulated micro-batches and the rule `none` give what they must: equal parameters."""

import functools
from dataclasses import replace

import torch
from torch import Tensor, nn

from vatt_harmony.balance.rules.mlb import MLB
from vatt_harmony.figures import Figure
from vatt_harmony.scale.balance_checks.runs import Run, apart, flat, make, train, unlogged
from vatt_harmony.scale.balance_checks.toy import Samples, make_toy
from vatt_harmony.scale.bench.suite import Options, Row, measured, measures
from vatt_harmony.scale.ranks import run_ranks

RUNS = {
    "MLB at lr, AdamW": Run(point="lr"),
    "MLB at grad, SGD": Run(point="grad", optimizer="sgd"),
    "MLB at loss, AdamW": Run(point="loss"),
    "OGM at grad, SGD": Run(rule="ogm", point="grad", optimizer="sgd"),
    "AGM at grad, SGD": Run(rule="agm", point="grad", optimizer="sgd"),
    "MMPareto, SGD": Run(rule="mmpareto", point="grad", optimizer="sgd"),
    "PMR, SGD": Run(rule="pmr", options={"prototype_steps": 3}, point="grad", optimizer="sgd"),
    "CGGM at lr, three modalities": Run(rule="cggm", point="lr", modalities=3),
}
SPLITS = {"equal": 8, "unequal": 5}
"""Samples of rank 0, of 16."""
MEASURES = measures(
    "04.2",
    ("2 ranks and 1 after 20 steps, 8 ways: largest difference of a parameter", "<= 1e-7", ""),
    ("the same, unequal numbers of samples, a rank without sound", "<= 1e-7", ""),
    ("ranks among themselves: largest difference", "== 0", ""),
    ("4 micro-batches of 4 and 1 of 16, MLB at lr, after 20 steps", "<= 1e-9", ""),
    ("4 micro-batches of 4, MLB at grad, and its definition: k of the step before", "<= 1e-7", ""),
    ("rule none and no balancer after 20 steps", "== 0", ""),
)


def over_ranks(rank: int, world_size: int, names: list[str]) -> dict[tuple[str, str], Tensor]:
    """(run, split) -> parameters, under DDP. All ranks must call it."""
    found = {}
    for name in names:
        for split, first in SPLITS.items():
            mine = slice(0, first) if rank == 0 else slice(first, None)
            run = replace(RUNS[name], missing=split == "unequal")
            found[name, split] = train(run, lambda batch, own=mine: own, nn.parallel.DistributedDataParallel)  # type: ignore[misc]
    return found


@functools.cache
def rank_differences(names: tuple[str, ...] = tuple(RUNS)) -> tuple[dict[tuple[str, str], float], float]:
    """(run, split) -> difference of two ranks and one; and the largest between the ranks."""
    first, second = run_ranks(over_ranks, 2, list(names))
    alone = {(name, split): train(replace(RUNS[name], missing=split == "unequal")) for name in RUNS for split in SPLITS}
    return {cell: apart(first[cell], alone[cell]) for cell in alone}, max(apart(first[c], second[c]) for c in alone)


def pooled_difference() -> float:
    """Four micro-batches and one batch, at the point lr."""
    return apart(train(Run(point="lr", micro=4)), train(Run(point="lr")))


def lagged_difference() -> float:
    """Micro-batches at the point grad, and the same by hand: encoders' gradients times the k of the step before."""
    run = Run(point="grad", optimizer="sgd", micro=4)
    return apart(train(run), by_hand(run))


def by_hand(run: Run) -> Tensor:
    """MLB without a balancer's help: scores of one step pooled, k on .grad in the next."""
    balancer, _ = make(run)
    model, heads = balancer.model, balancer.heads
    optimizer = torch.optim.SGD(balancer.parameters(), lr=0.1)
    k = dict.fromkeys(balancer.modalities, 1.0)
    for whole in run.samples():
        optimizer.zero_grad()
        scores = dict.fromkeys(balancer.modalities, 0.0)
        for part in range(run.micro):
            size = run.rows // run.micro
            _by_hand(model, heads, whole.rows(slice(part * size, (part + 1) * size)), scores, run.micro)
        for name in balancer.modalities:
            for parameter in model.get_submodule(f"encoders.{name}").parameters():
                assert parameter.grad is not None
                parameter.grad *= k[name]
        optimizer.step()
        audio, video = scores["audio"], scores["video"]
        k = {"audio": _k(video / audio), "video": _k(audio / video)}
    return flat(balancer)


def _by_hand(model: nn.Module, heads: nn.ModuleDict, samples: Samples, scores: dict[str, float], micro: int) -> None:
    loss = nn.functional.cross_entropy(model(**samples.inputs), samples.targets)
    for name, head in heads.items():
        logits = head(model.get_submodule(f"encoders.{name}")(samples.inputs[name]))
        loss = loss + nn.functional.cross_entropy(logits, samples.targets)
        scores[name] += float(logits.detach().softmax(-1)[torch.arange(len(logits)), samples.targets].sum())
    torch.autograd.backward(loss / micro)


def _k(ratio: float) -> float:
    rule = MLB()
    growth = rule.beta_max - 1 if ratio > 1 else 1.0
    return 1 + growth * float(torch.tanh(torch.tensor(rule.alpha * (ratio - 1), dtype=torch.float64)))


def none_difference() -> float:
    """The rule none, and a loop that knows no balancer."""
    run = Run(rule="none")
    model = make_toy()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    for samples in run.samples():
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(model(**samples.inputs), samples.targets))
        optimizer.step()
    return apart(train(run), flat(model))


def run(options: Options) -> list[Figure]:
    """All comparisons, in float64 but for prototypes, which are of fp32."""
    with unlogged():
        differences, between = rank_differences()
        others = pooled_difference(), lagged_difference(), none_difference()
    equal, unequal = (max(d for (_, kind), d in differences.items() if kind == split) for split in SPLITS)
    return measured(MEASURES, equal, unequal, between, *others, n=len(RUNS))


ROW = Row(
    id="04.2",
    title="balancing on ranks, with accumulation, and not at all",
    takes="a minute",
    measures=MEASURES,
    run=run,
)
