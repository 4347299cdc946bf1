"""Runs of a comparison: every row with every seed, each a run folder of its own; what is recorded is not run again."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.engine.launch import first_process
from vatt_harmony.finetune.compare.records import Record, append_record, digest, read_records, record
from vatt_harmony.finetune.compare.rows import ENSEMBLE, ONLY, Row, make_rows
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.finetune.monitor.removals import FUSED
from vatt_harmony.finetune.store import ClipStore
from vatt_harmony.finetune.train import metrics
from vatt_harmony.finetune.train.checkpoint import claim
from vatt_harmony.finetune.train.history import Epoch
from vatt_harmony.finetune.train.result import Predictions, Result
from vatt_harmony.finetune.train.run import finetune

Array = NDArray[Any]
RECORDS = "records.jsonl"
Watch = Callable[[Row, int], Callable[[Epoch], None]]
"""Row and seed that begin -> who is told their epochs."""


def compare(config: FinetuneConfig, names: Sequence[str], seeds: int, folder: Path, watch: Watch) -> list[Record]:
    """Train every row with `seeds` seeds, counted from the recipe's; returns all records, of earlier starts too.

    `folder` gets `records.jsonl`, and a run folder `ROW/seed_N` of each. All ranks must call it. Raises UserError for a
    row that is not known, and for a folder that was begun with another recipe.
    """
    rows = make_rows(config, names)
    claim(folder, config)
    known = {(each.row, each.seed): each for each in read_records(folder / RECORDS)}
    store = ClipStore() if config.data.cache == "memory" else None
    for seed in range(config.seed, config.seed + seeds):
        for row in rows:
            if (row.name, seed) not in known:
                new = _run(config, row, seed, folder, watch, store)
                known[row.name, seed] = new
                if first_process():
                    append_record(folder / RECORDS, new)
    return [known[row.name, seed] for row in rows for seed in range(config.seed, config.seed + seeds)]


def figure_of(config: FinetuneConfig) -> str:
    """The figure that is compared: the one that chooses the epoch, or a regression's squared error."""
    return "mse" if config.task.kind == "regression" else config.train.select


def _run(config: FinetuneConfig, row: Row, seed: int, folder: Path, watch: Watch, store: ClipStore | None) -> Record:
    if row.config is None:
        return _ensemble(config, seed, folder)
    run = run_folder(folder, row.name, seed)
    result = finetune(replace(row.config, seed=seed), run, watch(row, seed), store=store)
    if first_process():
        shutil.rmtree(run / "checkpoints", ignore_errors=True)  # nothing is left to go on with
    return record(row.name, seed, result, figure_of(config))


def _ensemble(config: FinetuneConfig, seed: int, folder: Path) -> Record:
    """The mean of what the networks of single modalities predict; nothing of it is trained."""
    singles = [_finished(run_folder(folder, f"{ONLY}{name}", seed)) for name in config.data.modalities]
    kind = config.task.kind
    keys, outputs, targets = mean_prediction(kind, [single.predictions for single in singles])
    return Record(
        row=ENSEMBLE,
        seed=seed,
        best_epoch=0,
        updates=sum(single.updates for single in singles),
        seconds=sum(single.seconds for single in singles),
        validation={},
        test=metrics.figures(kind, outputs, targets),
        items=len(keys),
        clips=digest(keys),
    )


def mean_prediction(kind: str, each: Sequence[Predictions]) -> tuple[list[str], Array, Array]:
    """Items that all networks could read, outputs whose probabilities are the means of theirs, and targets."""
    shared = set.intersection(*(set(predictions.keys) for predictions in each))
    chosen = [[place for place, key in enumerate(predictions.keys) if key in shared] for predictions in each]
    outputs = np.stack([own.outputs[FUSED][rows].astype(np.float64) for own, rows in zip(each, chosen, strict=True)])
    keys, targets = [each[0].keys[place] for place in chosen[0]], each[0].targets[chosen[0]]
    if kind == "classification":
        return keys, np.log(np.maximum(metrics.softmax(outputs).mean(0), 1e-12)), targets
    if kind == "multilabel":
        share = np.clip((1 / (1 + np.exp(-outputs))).mean(0), 1e-12, 1 - 1e-12)
        return keys, np.log(share) - np.log1p(-share), targets
    return keys, outputs.mean(0), targets


def run_folder(folder: Path, row: str, seed: int) -> Path:
    """Run folder of a row and seed; `only:audio` becomes `only_audio`."""
    return folder / row.replace(":", "_").replace("@", "_") / f"seed_{seed}"


def _finished(run: Path) -> Result:
    result = Result.load(run)
    assert result is not None, "single modalities come before the ensemble"
    return result
