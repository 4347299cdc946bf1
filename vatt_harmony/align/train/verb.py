"""`align train`: a recipe, prepared sequences, a run folder."""

import argparse
import contextlib
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import yaml
from rich.console import Console

from vatt_harmony.align.check import check_sequence
from vatt_harmony.align.config import AlignConfig, DataConfig
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.remarks import collapsed
from vatt_harmony.align.sequence import AlignmentSequence, load_sequences
from vatt_harmony.align.train.checkpoint import check_same_run, model_folder, newest_checkpoint
from vatt_harmony.align.train.fit import Fitted, fit
from vatt_harmony.align.train.history import FIGURES, MATCHED, key
from vatt_harmony.align.train.loop import new_accelerator
from vatt_harmony.align.train.monitor import Monitor
from vatt_harmony.config import load_config, shipped_file, to_mapping
from vatt_harmony.errors import UserError

if TYPE_CHECKING:  # it brings transformers along, which few trainings need
    from vatt_harmony.align.features.finetune import OnTheFly

Sequences = list[AlignmentSequence]


def train_verb(options: argparse.Namespace) -> int:
    """Train as `options.config` and `options.overrides` say, in `options.run`; goes on where that run left off.

    Alone, or on the ranks that `accelerate launch` or torchrun starts: they train on what one would.
    """
    config = load_config(AlignConfig, shipped_file(str(options.config)), options.overrides)
    run: Path = options.run or Path("runs") / options.config.stem
    if not config.data.train:
        raise UserError(
            "data.train is not given",
            "There is nothing to train on",
            "Add --data.train FOLDER, a split that align prepare has written",
        )
    start = NeuMatch.from_pretrained(model_folder(Path(config.data.start))) if config.data.start else None
    accelerator = new_accelerator(with_encoder=bool(config.data.encoder))
    train, validation, encoder = _read(config.data, accelerator.device)
    newest = newest_checkpoint(run)
    if newest is not None:
        check_same_run(newest, config)
    console = Console(stderr=True)
    with contextlib.ExitStack() as stack:
        watch = None
        if accelerator.is_main_process:
            _write_config(run, config)
            watch = stack.enter_context(Monitor(run, config.train.epochs, config.train.select, console)).tell
        fitted = fit(config, train, validation, run, start=start, encoder=encoder, accelerator=accelerator, watch=watch)
    if accelerator.is_main_process:
        _tell(fitted, run)
    accelerator.end_training()
    return 0


def _read(config: DataConfig, device: torch.device) -> tuple[Sequences, Sequences, "OnTheFly | None"]:
    """Sequences to train on and to validate with, and what makes their features where that is asked for."""
    folders = [Path(folder) for folder in (config.train, config.val) if folder]
    encoder = None
    if config.encoder:
        from vatt_harmony.align.features.finetune import OnTheFly

        encoder = OnTheFly(Path(config.encoder), folders, str(device))
        splits = [encoder.numbered(place) for place in range(len(folders))]
    else:
        splits = [load_sequences(folder) for folder in folders]
    for sequence in chain.from_iterable(splits):
        check_sequence(sequence)
    return splits[0], splits[1] if config.val else [], encoder


def _write_config(run: Path, config: AlignConfig) -> None:
    try:
        run.mkdir(parents=True, exist_ok=True)
        (run / "config.yaml").write_text(yaml.safe_dump(to_mapping(config), sort_keys=False))
    except OSError as error:
        raise UserError(f"{run} cannot be written: {error}", "Nothing was started", "Choose another --run") from error


def _tell(fitted: Fitted, run: Path) -> None:
    figures = [f"{name} {100 * fitted.figures[key(name)]:.1f} %" for name in FIGURES if key(name) in fitted.figures]
    print(f"trained: epoch {fitted.best_epoch} of {len(fitted.history)}" + "".join(f", {each}" for each in figures))
    if fitted.figures.get(MATCHED) == 0:
        print(collapsed("the aligner", "validation"))
    print(f"aligner: {model_folder(run)}")
