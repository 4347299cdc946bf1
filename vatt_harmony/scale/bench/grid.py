"""Rows 01.2 and 01.3: the whole way on 400 real clips of one speaker, each saying six words (the GRID corpus)."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vatt_harmony.demo.launch import cost, pretrain
from vatt_harmony.downstream.embeddings import embed_source
from vatt_harmony.downstream.intervals import bootstrap_mean
from vatt_harmony.downstream.retrieval import retrieve
from vatt_harmony.engine.config import shipped_file
from vatt_harmony.engine.parts import Trained, load_trained
from vatt_harmony.figures import Figure
from vatt_harmony.scale.bench.grid_clips import FOLDS, Clips
from vatt_harmony.scale.bench.ridge import ridge_ranks
from vatt_harmony.scale.bench.suite import Options, Row, measures
from vatt_harmony.stream.batch import Batch
from vatt_harmony.stream.evaluation import evaluation_batches
from vatt_harmony.stream.tokenizer import load_tokenizer

RECIPE = "configs/pretrain/grid_tiny.yaml"


def train(run: Path, shards: str, processes: int, **changes: str) -> float:
    """Pretrain the recipe on `shards` through the DeepSpeed launcher; returns the CPU seconds of all processes."""
    values = {
        "data.sources.grid.shards": shards,
        "eval.shards": "''",
        "engine.log_every": "20",
        "stream.workers": "0",  # a loader's time is not among that of the launcher's children
        **changes,
    }
    overrides = [part for key, value in values.items() for part in (f"--{key}", value)]
    pretrain(str(shipped_file(RECIPE)), run, overrides, processes)
    return cost(run).cpu_seconds


def hits(run: Path, shards: str, direction: str, k: int) -> list[float]:
    """For every clip of `shards` whether its partner is among the first k: all tokens, centre square, no noise."""
    trained = load_trained(run)
    embeddings = embed_source(trained.model, _batches(trained, shards))
    result = retrieve(embeddings, trained.config.objective.weights.active())[direction]
    assert result is not None, "the recipe trains all three pairs and every clip has all modalities"
    return list(result.hits(k).tolist())


OVERFIT = measures(
    "01.2",
    ("64 clips overfitted on 2 ranks: text-to-video R@1 on them", ">= 0.9", ""),
    ("the same model on 80 held-out clips: text-to-video R@10 (chance 0.125)", "", ""),
    ("CPU time of that run, both ranks", "<= 180", "s"),
)


def overfit(options: Options) -> list[Figure]:
    """64 clips by heart: nothing but the whole way from media file to retrieval has to work."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clips, run = Clips.build(options, work), work / "overfit"
        seconds = train(run, clips.few(), 2, **{"model.keep_video": "1.0"})
        seen = hits(run, clips.few(), "text_to_video", 1)
        unseen = hits(run, clips.held_out(0), "text_to_video", 10)
    return [_interval(OVERFIT[0], seen), _interval(OVERFIT[1], unseen), replace(OVERFIT[2], value=seconds, n=1)]


def _ridge_hits(run: Path, shards: str, held_out: str, k: int) -> list[float]:
    """As `hits`, of the ridge regression on the sounds and tokens that the model of `run` was given."""
    audio, text = _sounds_and_sentences(run, shards)
    held_audio, held_text = _sounds_and_sentences(run, held_out)
    rate = load_trained(run).config.stream.sample_rate
    return list((ridge_ranks(audio, text, held_audio, held_text, rate) <= k).double().tolist())


def _sounds_and_sentences(run: Path, shards: str) -> tuple[Tensor, Tensor]:
    batches = list(_batches(load_trained(run), shards))
    here = torch.cat([batch.position for batch in batches]) >= 0
    return torch.cat([batch.audio for batch in batches])[here], torch.cat([batch.text[:, 0] for batch in batches])[here]


def _batches(trained: Trained, shards: str) -> Iterator[Batch]:
    tokenizer = load_tokenizer(trained.tokenizer, trained.config.stream.words)
    return evaluation_batches(shards, trained.config.stream, tokenizer)


AUDIO_TEXT = measures(
    "01.3",
    ("held-out text-to-sound R@10 of 80, log-mel input, 5 folds (chance 0.125)", ">= 0.5", ""),
    ("the same by a kernel ridge on log-mel", "", ""),
    ("standard deviation over the folds", "", ""),
    ("the ridge's standard deviation over the folds", "", ""),
    ("CPU time of a fold's run, mean", "<= 240", "s"),
)


def audio_text(options: Options) -> list[Figure]:
    """Each fold held out once: the recipe trained on the other four, beside a ridge regression on the same sounds."""
    learned, regressed, seconds = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clips = Clips.build(options, work)
        for fold in range(FOLDS):
            run, others, held_out = work / f"fold{fold}", clips.others(fold), clips.held_out(fold)
            seconds.append(train(run, others, 1))
            learned.append(hits(run, held_out, "text_to_audio", 10))
            regressed.append(_ridge_hits(run, others, held_out, 10))
    return [
        *(
            _interval(figure, [*chain(*folds)])
            for figure, folds in zip(AUDIO_TEXT[:2], (learned, regressed), strict=True)
        ),
        *(_spread(figure, folds) for figure, folds in zip(AUDIO_TEXT[2:4], (learned, regressed), strict=True)),
        replace(AUDIO_TEXT[4], value=float(np.mean(seconds)), n=FOLDS),
    ]


def _spread(figure: Figure, folds: Sequence[Sequence[float]]) -> Figure:
    return replace(figure, value=float(np.std([np.mean(fold) for fold in folds])), n=len(folds))


def _interval(figure: Figure, values: Sequence[float]) -> Figure:
    mean = bootstrap_mean(values, seed=0)
    return replace(figure, value=mean.value, low=mean.low, high=mean.high, n=mean.n)


ROWS = (
    Row(id="01.2", title="64 real clips overfitted", takes="two minutes", measures=OVERFIT, run=overfit),
    Row(
        id="01.3",
        title="sound and text of real clips, held out",
        takes="eight minutes",
        measures=AUDIO_TEXT,
        run=audio_text,
    ),
)
