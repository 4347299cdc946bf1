"""Training of one aligner from Python, quick and silent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator

from vatt_harmony.align.config import AlignConfig
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.sequence import AlignmentSequence
from vatt_harmony.align.train.analysis import Analysis
from vatt_harmony.align.train.history import Epoch, best_epoch
from vatt_harmony.align.train.keeper import Keeper
from vatt_harmony.align.train.lessons import Lessons
from vatt_harmony.align.train.loop import Trainer, new_accelerator
from vatt_harmony.align.train.pair_pretrain import pretrain_pairs
from vatt_harmony.align.train.tuned import check_tuned, with_features
from vatt_harmony.errors import UserError
from vatt_harmony.randomness import keyed_generator, keyed_int

if TYPE_CHECKING:  # it brings transformers along, which few trainings need
    from vatt_harmony.align.features.finetune import OnTheFly

Watch = Callable[[Epoch], None]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A trained aligner and how it came about."""

    model: NeuMatch
    """The network of `best_epoch`, in evaluation mode."""
    history: Sequence[Epoch]
    """One mapping an epoch: `epoch`, `rate`, `train/loss`, `validation/accuracy`, `validation/iou`, …"""
    best_epoch: int
    """From 1; by `train.select` on the validation sequences; the last one without any."""
    figures: Mapping[str, float]
    """Those of `best_epoch`."""


def fit(
    config: AlignConfig,
    train: Sequence[AlignmentSequence],
    validation: Sequence[AlignmentSequence] = (),
    folder: Path | None = None,
    *,
    start: NeuMatch | None = None,
    encoder: "OnTheFly | None" = None,
    accelerator: Accelerator | None = None,
    watch: Watch | None = None,
) -> Fitted:
    """Train an aligner, the pair pretraining included, and choose its best epoch on the validation sequences.

    Without `folder` nothing is written; with one it holds the run's `checkpoints/`, and the training goes on from them.
    `start`: a trained network that is copied and trained further. `encoder`: makes the features of all sequences, which
    are its numbered ones, and is trained too where `optim.encoder_lr` says so. `watch` is told every epoch. The random
    numbers of the caller are left as they were. All ranks must call it. Raises UserError for sequences that cannot be
    trained on.
    """
    accelerator = accelerator or new_accelerator(with_encoder=encoder is not None)
    device = accelerator.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        trainer = _trainer(config, train, validation, start, encoder, accelerator)
        return _run(trainer, Keeper(folder, config, accelerator), watch)


def _trainer(
    config: AlignConfig,
    train: Sequence[AlignmentSequence],
    validation: Sequence[AlignmentSequence],
    start: NeuMatch | None,
    encoder: "OnTheFly | None",
    accelerator: Accelerator,
) -> Trainer:
    train = share_of(train, config.data.share, config.seed)
    if encoder is not None:
        check_tuned(config)
        encoder.trained = config.optim.encoder_lr > 0
    shown = with_features(encoder, train[:1])[0]
    model = starting_model(config, [stream.features.shape[1] for stream in shown.streams], start)
    lessons = Lessons(train, model.actions, config.train, config.seed)
    analysis = _analysis(config, model, lessons, validation)
    return Trainer(config, model, lessons, validation, accelerator, analysis, encoder)


def _run(trainer: Trainer, keeper: Keeper, watch: Watch | None) -> Fitted:
    config = trainer.config
    if keeper.resumes:
        keeper.resume(trainer)
    elif config.pretrain.epochs:
        shown = with_features(trainer.encoder, trainer.lessons.sequences)
        pretrain_pairs(trainer.model, shown, config.pretrain, config.seed)
    for epoch in trainer.run():
        keeper.keep(trainer)
        if watch is not None:
            watch(epoch)
    best = best_epoch(trainer.history, config.train.select)
    if best is not None:
        keeper.load_best(trainer)
    figures = best or trainer.history[-1]
    return Fitted(
        model=trainer.model.eval(), history=trainer.history, best_epoch=int(figures["epoch"]), figures=figures
    )


def share_of(sequences: Sequence[AlignmentSequence], share: float, seed: int) -> list[AlignmentSequence]:
    """The sequences of a share of the groups, at least one, drawn by the seed; a larger share holds the smaller one."""
    if not sequences:
        raise UserError("There are no training sequences", "Nothing can be learnt", "Give prepared ones as data.train")
    groups = sorted({sequence.group for sequence in sequences})
    drawn = keyed_generator(seed, "share").permutation(len(groups))[: max(1, round(share * len(groups)))]
    kept = {groups[place] for place in drawn}
    return [sequence for sequence in sequences if sequence.group in kept]


def starting_model(config: AlignConfig, dims: Sequence[int], start: NeuMatch | None) -> NeuMatch:
    """A new network for features of these widths, or a copy of `start`; raises UserError where that is another one."""
    model = NeuMatch(config.network, dims, keyed_int(config.seed, "network"))
    if start is not None:
        if start.actions != model.actions or _shapes(start) != _shapes(model):
            raise UserError(
                f"The aligner to go on from reads features of width {start.dims} and is another network",
                f"Its weights do not fit one that reads {model.dims}",
                "Give it the recipe's `network`, and sequences with the features that it was trained on",
            )
        model.load_state_dict(start.state_dict())
    return model


def _shapes(model: NeuMatch) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in model.state_dict().items()}


def _analysis(
    config: AlignConfig, model: NeuMatch, lessons: Lessons, validation: Sequence[AlignmentSequence]
) -> Analysis | None:
    if not config.train.analysis:
        return None
    pieces = {"train": lessons.pieces}
    if validation:
        pieces["validation"] = Lessons(validation, model.actions, config.train, config.seed).pieces
    names = [stream.name for stream in lessons.sequences[0].streams]
    return Analysis(model, names, pieces, config.train.batch, config.train.smoothing)
