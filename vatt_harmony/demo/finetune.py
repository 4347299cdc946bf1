"""The demo's fine-tune: the exported encoder learns the shape in a clip, which is seen as well as heard."""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.config import load_config, shipped_file
from vatt_harmony.demo.finetuned import BALANCED, JOINT, SCRATCH, Finetuned
from vatt_harmony.demo.settings import DemoSettings
from vatt_harmony.demo.threads import one_thread
from vatt_harmony.demo.truth import Clip
from vatt_harmony.downstream.intervals import Interval, bootstrap_mean
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.finetune.store import ClipStore
from vatt_harmony.finetune.train.result import Result
from vatt_harmony.finetune.train.run import Stopped, finetune
from vatt_harmony.randomness import keyed_generator

RECIPE = "configs/finetune/demo.yaml"
LABELLED, VALIDATION = 256, 64
"""Training clips whose label is told, and those that choose the epoch."""
SHORT = 16
"""Both where few steps are asked for."""
ARMS: dict[str, list[str]] = {
    BALANCED: [],
    JOINT: ["--balance.rule", "none", "--balance.options", "{}"],
    SCRATCH: ["--encoders.video.pretrained", "false", "--encoders.audio.pretrained", "false"],
}
"""What each training changes in the recipe."""


def finetune_encoder(settings: DemoSettings, clips: Mapping[str, Clip]) -> Finetuned:
    """Train three times, test on the held-out clips; a finished stage is read from its file.

    `clips` is the corpus by video id. Raises UserError where the encoder is missing.
    """
    kept = settings.finetuning / "result.json"
    if not kept.is_file():
        labelled = _write_table(settings, clips)
        with one_thread():
            results = _train(settings)
        kept.write_text(json.dumps(asdict(_found(results, labelled))))
    read = json.loads(kept.read_text())
    for name in ("accuracy", "differences"):
        read[name] = {arm: Interval(**value) for arm, value in read[name].items()}
    return Finetuned(**read)


def _write_table(settings: DemoSettings, clips: Mapping[str, Clip]) -> int:
    """The clips without planted faults, with their labels and splits; returns how many are trained on."""
    clean = [name for name, clip in clips.items() if name.startswith("train") and not clip.fault]
    order = [clean[place] for place in keyed_generator(settings.seed, "fine-tune").permutation(len(clean))]
    trained, chosen = (LABELLED, VALIDATION) if settings.steps is None else (SHORT, SHORT)
    trained = min(trained, 2 * len(order) // 3)  # of a small corpus
    splits = {
        "train": order[:trained],
        "val": order[trained : trained + chosen],
        "test": [name for name in clips if name.startswith("test")],
    }
    settings.finetuning.mkdir(parents=True, exist_ok=True)
    with _table(settings).open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "label", "split"))
        for split, names in splits.items():
            rows.writerows((clips[name].path.resolve(), clips[name].form, split) for name in names)
    return len(splits["train"])


def _train(settings: DemoSettings) -> dict[str, Result]:
    store = ClipStore()
    try:
        return {arm: finetune(_config(settings, arm), settings.finetuning / arm, store=store) for arm in ARMS}
    except Stopped as stopped:  # a run answers Ctrl-C with a checkpoint; the demo ends as elsewhere
        raise KeyboardInterrupt from stopped


def _config(settings: DemoSettings, arm: str) -> FinetuneConfig:
    changes = ["--data.root", str(_table(settings)), "--seed", str(settings.seed)]
    for modality in ("video", "audio"):
        changes += [f"--encoders.{modality}.weights", str(settings.encoder)]
    if settings.steps is not None:
        changes += ["--train.epochs", "1"]
    return load_config(FinetuneConfig, shipped_file(RECIPE), [*changes, *ARMS[arm]])


def _table(settings: DemoSettings) -> Path:
    return settings.finetuning / "clips.csv"


def _found(results: Mapping[str, Result], labelled: int) -> Finetuned:
    right = {arm: _right(result) for arm, result in results.items()}
    others = [arm for arm in results if arm != BALANCED]
    return Finetuned(
        labelled=labelled,
        classes=results[BALANCED].predictions.outputs["fused"].shape[1],
        accuracy={arm: bootstrap_mean(hits, seed=0) for arm, hits in right.items()},
        differences={arm: bootstrap_mean(right[BALANCED] - right[arm], seed=0) for arm in others},
        picture={arm: result.test["shapley/video"] for arm, result in results.items()},
    )


def _right(result: Result) -> NDArray[np.float64]:
    """1.0 for each held-out clip that is called right, in the order of the clips."""
    answers = result.predictions.outputs["fused"].argmax(axis=1)
    return np.asarray(answers == result.predictions.targets, dtype=np.float64)
