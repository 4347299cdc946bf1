"""Row 04.3: what a step of each rule costs over joint training with unimodal losses: CPU time, repetitions in turn."""

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vatt_harmony.balance import Balancer, Classification, make_rule
from vatt_harmony.figures import Figure
from vatt_harmony.scale.balance_checks.runs import unlogged
from vatt_harmony.scale.bench.overhead import median_ratio
from vatt_harmony.scale.bench.suite import Options, Row, measures

CLASSES, WIDTH, DEPTH, HEADS = 6, 192, 4, 3
TOKENS = {"audio": (96, 128), "video": (147, 192)}
"""Tokens a clip and numbers a token: 1 s of log-mel in 16 x 16 patches; 3 pictures of 112 x 112, likewise."""
BASE = "multiloss"
CONTESTANTS: dict[str, tuple[str, str, Mapping[str, Any]]] = {
    "joint training": ("none", "auto", {}),
    BASE: ("multiloss", "auto", {}),
    "MLB at lr": ("mlb", "lr", {}),
    "MLB at grad": ("mlb", "grad", {}),
    "MLB at loss": ("mlb", "loss", {}),
    "MLB, scores of slices": ("mlb", "lr", {"scores": "slices"}),
    "MLB, scores of JSD": ("mlb", "lr", {"scores": "jsd"}),
    "MLB, scores of Shapley values": ("mlb", "lr", {"scores": "shapley"}),
    "constant": ("constant", "lr", {"k": {"audio": 0.5}}),
    "OGM": ("ogm", "grad", {}),
    "OGM-GE": ("ogm_ge", "grad", {}),
    "ACC": ("acc", "grad", {}),
    "AGM": ("agm", "grad", {}),
    "MSLR": ("mslr", "lr", {}),
    "MMPareto": ("mmpareto", "grad", {}),
    "G-Blend": ("gblend", "grad", {}),
    "PMR": ("pmr", "grad", {}),
    "MMCosine": ("mmcosine", "grad", {}),
    "DGL": ("dgl", "grad", {}),
    "CGGM": ("cggm", "lr", {}),
    "OPM": ("opm", "grad", {}),
}
"""Name -> rule, point, options."""
HELD = ("MLB at lr", "MLB at grad", "MLB at loss")
REPETITIONS = 4
"""Of each of --pairs."""


class Encoder(nn.Module):
    """A small transformer over tokens, averaged."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.embed = nn.Linear(width, WIDTH)
        self.place = nn.Parameter(torch.zeros(tokens, WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, DEPTH, enable_nested_tensor=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, N, P]` -> `[B, D]`."""
        encoded: Tensor = self.blocks(self.embed(tokens) + self.place)
        return encoded.mean(1)


class AudioVideo(nn.Module):
    """Two encoders and a linear layer over their outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({name: Encoder(*sizes) for name, sizes in TOKENS.items()})
        self.fusion = nn.Linear(len(TOKENS) * WIDTH, CLASSES)

    def forward(self, **inputs: Tensor) -> Tensor:
        """Logits `[B, C]`."""
        logits: Tensor = self.fusion(torch.cat([self.encoders[name](inputs[name]) for name in TOKENS], dim=-1))
        return logits


@dataclass
class Contestant:
    """A model in its balancer, with an optimizer."""

    balancer: Balancer
    optimizer: torch.optim.Optimizer

    def step(self, inputs: dict[str, Tensor], targets: Tensor) -> None:
        """One whole training step."""
        loss, _ = self.balancer.loss(self.balancer(**inputs), targets)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.optimizer.step()


def contestant(rule: str, point: Any, options: Mapping[str, Any], example: dict[str, Tensor]) -> Contestant:
    """A fresh one, under AdamW."""
    torch.manual_seed(0)
    balancer = Balancer(
        AudioVideo(),
        {name: f"encoders.{name}" for name in TOKENS},
        task=Classification(CLASSES),
        rule=make_rule(rule, options),
        point=point,
        fusion="fusion",
        example=example,
    )
    optimizer = torch.optim.AdamW(balancer.parameter_groups(lr=1e-4))
    balancer.attach(optimizer)
    return Contestant(balancer, optimizer)


def cpu_seconds(rows: int, repetitions: int) -> dict[str, list[float]]:
    """Name -> CPU seconds of each repetition, one thread; contestants take turns, also at being the first."""
    generator = torch.Generator().manual_seed(0)
    inputs = {name: torch.randn(rows, *sizes, generator=generator) for name, sizes in TOKENS.items()}
    targets = torch.randint(CLASSES, (rows,), generator=generator)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that Adam cancels the point grad is not what is measured
            steps = {name: contestant(*told, inputs).step for name, told in CONTESTANTS.items()}
            for step in steps.values():
                step(inputs, targets)  # looks at the graph once, makes the optimizer's state
        seconds: dict[str, list[float]] = {name: [] for name in steps}
        names = list(steps)
        for repetition in range(repetitions):
            for name in names[repetition % len(names) :] + names[: repetition % len(names)]:
                started = time.process_time()
                steps[name](inputs, targets)
                seconds[name].append(time.process_time() - started)
    finally:
        torch.set_num_threads(threads)
    return seconds


TOLD = [name for name in CONTESTANTS if name != BASE]
MEASURES = measures(
    "04.3",
    *((f"{name} / multi-loss training, CPU time", "<= 1.03" if name in HELD else "", "") for name in TOLD),
    ("multi-loss training, CPU time of a step", "", "s"),
)


def run(options: Options) -> list[Figure]:
    """Times of whole steps, the optimizer's included; ratios are medians of repetitions paired by turn."""
    with unlogged():
        seconds = cpu_seconds(options.batch, REPETITIONS * options.pairs)
    figures = [replace(figure, n=REPETITIONS * options.pairs) for figure in MEASURES]
    for index, name in enumerate(TOLD):
        ratio, low, high = median_ratio(seconds[name], seconds[BASE])
        figures[index] = replace(figures[index], value=ratio, low=low, high=high)
    figures[-1] = replace(figures[-1], value=float(np.median(seconds[BASE])))
    return figures


ROW = Row(
    id="04.3",
    title="a step of each rule over one of multi-loss training; transformers of d 192, 4 layers, tokens 96/147",
    takes="a minute a pair, --pairs of them",
    measures=MEASURES,
    run=run,
)
