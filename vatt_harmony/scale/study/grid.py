"""Row 02.7 on real clips: 400 of one speaker (the GRID corpus), of which 30 % have another clip's sentence."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vatt_harmony.config import load_config
from vatt_harmony.engine.config import RunConfig, shipped_file
from vatt_harmony.engine.optim import build_optimizer
from vatt_harmony.engine.parts import build_model, model_config
from vatt_harmony.engine.schedule import learning_rate
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.bench.grid import RECIPE
from vatt_harmony.scale.bench.grid_clips import Clips
from vatt_harmony.scale.bench.suite import Options
from vatt_harmony.scale.study.data import Columns, Held, batch_of
from vatt_harmony.scale.study.detect import Detection, fit, half, summary
from vatt_harmony.scale.study.step import take_step
from vatt_harmony.scale.study.visits import Values, epoch, percentiles
from vatt_harmony.stream.evaluation import evaluation_batches
from vatt_harmony.stream.source import prepare_tokenizer
from vatt_harmony.stream.tokenizer import Tokenizer

SWAPPED = 0.3
SEEDS = (1, 2, 3)
HARMONY = HarmonyConfig(rule="sum", branches="video")
"""Measures as the recipe does and changes nothing."""


def grid_detection(options: Options, seeds: Sequence[int] = SEEDS) -> Detection:
    """Swapped sentences against right ones, over all seeds; raises NotRun without real media."""
    parts, faults = zip(*grid_columns(options, seeds), strict=True)
    names = sorted(parts[0])
    columns = np.concatenate([np.stack([part[name] for name in names], axis=1) for part in parts])
    fault = np.concatenate(faults)
    wrong, fitted = fault != "", half(len(fault), 0)
    scores = {name: (1 if name.startswith("loss") else -1) * columns[~fitted, names.index(name)] for name in names}
    for together, used in (("losses together", [n for n in names if n.startswith("loss")]), ("all together", names)):
        features = columns[:, [names.index(name) for name in used]]
        scores[together] = fit(features[fitted], wrong[fitted])(features[~fitted])
    return summary(scores, wrong[~fitted], fault[~fitted], 0)


def grid_columns(options: Options, seeds: Sequence[int]) -> list[tuple[dict[str, Values], NDArray[np.str_]]]:
    """For each seed: column -> mean over each clip's visits `[N]`, and the clips' faults."""
    with tempfile.TemporaryDirectory() as folder:
        shards = Clips.build(options, Path(folder)).shards / "fold[01234]" / "*.tar"
        changes = {"data.sources.grid.shards": str(shards), "eval.shards": "''", "stream.workers": "0"}
        overrides = [part for key, value in changes.items() for part in (f"--{key}", value)]
        config = load_config(RunConfig, shipped_file(RECIPE), overrides)
        tokenizer = prepare_tokenizer(config.data, config.stream.words)
        clips = _read(config, str(shards), tokenizer)
    found = []
    for seed in seeds:
        text, faults = _swapped(clips[2], seed)
        training = Held((clips[0], clips[1], text), faults)
        found.append((_train(config, tokenizer.vocabulary, training, seed), faults))
    return found


def _read(config: RunConfig, shards: str, tokenizer: Tokenizer) -> Columns:
    batches = list(evaluation_batches(shards, config.stream, tokenizer))
    here = torch.cat([batch.position for batch in batches]) >= 0
    return (
        torch.cat([batch.video for batch in batches])[here],
        torch.cat([batch.audio for batch in batches])[here],
        torch.cat([batch.text for batch in batches])[here],
    )


def _swapped(text: Tensor, seed: int) -> tuple[Tensor, NDArray[np.str_]]:
    """A share of the clips gets the sentence of the next one among them; the texts and the faults."""
    chosen = keyed_generator(seed, "study", "grid").permutation(len(text))[: round(SWAPPED * len(text))]
    text = text.clone()
    text[torch.from_numpy(chosen)] = text[torch.from_numpy(np.roll(chosen, 1))]
    faults = np.full(len(text), "", dtype="<U16")
    faults[chosen] = "caption swapped"
    return text, faults


def _train(config: RunConfig, vocabulary: int, training: Held, seed: int) -> dict[str, Values]:
    model = build_model(model_config(config, vocabulary), seed).train()
    optimizer = build_optimizer(model, config.optim)
    steps, clips = config.engine.steps, len(training.faults)
    sums: dict[str, Values] = {}
    count = np.zeros(clips)
    for step, rows in enumerate(_rows(clips, config.stream.global_batch, steps, seed)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config.optim, steps)
        batch = batch_of(training, rows, seed, step)
        judged = take_step(
            model, optimizer, batch, config.objective, HARMONY, step, clip=config.optim.clip or float("inf")
        )
        if step < steps // 8:
            continue
        assert judged.harmonized is not None, "HARMONY is enabled"
        seen = {"cosine": judged.harmonized.cosines} | {f"loss_{p}": v for p, v in judged.losses.per_sample.items()}
        np.add.at(count, rows, 1)
        for name, values in seen.items():
            found = values.double().numpy()
            np.add.at(sums.setdefault(name, np.zeros(clips)), rows, found)
            np.add.at(sums.setdefault(f"{name}_rank", np.zeros(clips)), rows, percentiles(found))
    return {name: total / np.maximum(count, 1) for name, total in sums.items()}


def _rows(clips: int, batch: int, steps: int, seed: int) -> Iterator[NDArray[np.int64]]:
    order = np.concatenate([epoch(None, clips, seed, number) for number in range(-(-batch * steps // clips))])
    for step in range(steps):
        yield order[step * batch : (step + 1) * batch]
