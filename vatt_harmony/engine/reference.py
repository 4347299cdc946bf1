"""A trained encoder beside the learner: what each sample costs a model that has already learnt.

A sample is worth learning from if it costs the learner more than the reference: a sample that both find hard is more
likely a wrong one (JEST, arXiv 2406.17711). The curriculum's score `learnability` is that difference.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from vatt_harmony.engine.config import RunConfig
from vatt_harmony.engine.launch import Process
from vatt_harmony.engine.parts import TOKENIZER, load_trained
from vatt_harmony.engine.passes import OnePass, TwoPass
from vatt_harmony.engine.surrogate import gather
from vatt_harmony.errors import UserError
from vatt_harmony.harmony.scores import summed
from vatt_harmony.model.loading import load_model
from vatt_harmony.model.norm import wide
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.objective.objective import pair_losses
from vatt_harmony.stream.batch import Batch
from vatt_harmony.stream.tokenizer import Tokenizer, load_tokenizer


class Reference:
    """A frozen model that meets the learner's samples as the learner does.

    Same rows, same DropToken seeds and shares, batch norms over the same batch: equal weights give equal losses. It
    never drops out, moves no statistics, and lies whole on every rank, in the learner's number type.
    """

    def __init__(self, model: Vatt, learner: Vatt, objective: ObjectiveConfig, process: Process, chunk: int) -> None:
        """model: from `load_reference`; chunk: samples that a rank encodes at a time, 0 = all."""
        seen = {name: getattr(learner.config, name) for name in ("keep_video", "keep_audio", "drop_mode")}
        frozen = Vatt(replace(model.config, dropout=0.0, checkpointing=False, **seen))
        frozen.load_state_dict(model.state_dict())
        self.model = frozen.to(process.device, next(learner.parameters()).dtype).train()
        self.objective, self.process = objective, process
        self.passes = TwoPass(self.model, process.device, chunk, 0.0) if chunk else OnePass(self.model, process.device)

    @torch.no_grad()
    def per_sample_losses(self, batch: Batch) -> Tensor:
        """Sum of each sample's valid losses, unweighted, over the global batch `[B]`; 0 where none is valid.

        batch: this rank's. All ranks must call it.
        """
        gathered = gather(self.passes.encode(batch), (), self.process.rank, self.process.world_size)
        z = {branch: wide(rows) for branch, rows in gathered.z.items()}
        embeddings = self.model.head_stage(z, gathered.valid, update_statistics=False)
        return summed(pair_losses(embeddings, gathered.valid, self.objective, ranks=gathered.ranks).per_sample)


def load_reference(config: RunConfig, tokenizer: Tokenizer) -> Vatt:
    """The encoder that `harmony.curriculum.reference` names: a run, one of its checkpoints, or an export.

    config: resolved, of the learner, like its tokenizer. Raises UserError for a folder that is none of these, and for
    a model that would see other samples than the learner, or lacks a pair of modalities that the learner trains.
    """
    place = Path(config.harmony.curriculum.reference)
    model, pairs, file = _open(place)
    lengths = ("frames", "size", "samples", "sample_rate", "words")
    given = {name: (getattr(model.config, name), getattr(config.model, name)) for name in lengths}
    wrong = [f"{name} {theirs} instead of {ours}" for name, (theirs, ours) in given.items() if theirs != ours]
    wrong += [f"no {pair}" for pair in config.objective.weights.active() if pair not in pairs]
    if load_tokenizer(file, config.model.words).backend.to_str() != tokenizer.backend.to_str():
        wrong.append("another tokenizer")
    if wrong:
        raise UserError(
            f"The model of harmony.curriculum.reference {place} does not fit this run: {', '.join(wrong)}",
            "Its losses would be those of other samples than the learner's",
            f"Give data.tokenizer {file}, and train both with the same lengths in `stream` and pairs in `objective`",
        )
    return model


def _open(place: Path) -> tuple[Vatt, Sequence[str], Path]:
    """Model, the pairs it was trained on, and its tokenizer's file."""
    if (place / "config.json").is_file():
        exported, _ = load_model(place)
        return exported.vatt, exported.config.trained_pairs, place / TOKENIZER
    if not any((place / name).is_file() for name in ("state.json", "checkpoints/latest")):
        raise UserError(
            f"harmony.curriculum.reference {place} is no run with a checkpoint, no checkpoint and no exported model",
            "There is nothing to compare the learner with",
            "Give the folder that vatt-harmony pretrain or vatt-harmony export wrote",
        )
    trained = load_trained(place)
    return trained.model, list(trained.config.objective.weights.active()), trained.tokenizer
