"""Sequences in, alignments out: what a trained aligner is for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.rnn import pad_sequence

from vatt_harmony.align.beam import beam
from vatt_harmony.align.check import check_sequence
from vatt_harmony.align.config import DecodeConfig
from vatt_harmony.align.encoded import Encoded
from vatt_harmony.align.exact import exact
from vatt_harmony.align.greedy import greedy
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.path import Path
from vatt_harmony.align.sequence import NULL, AlignmentSequence
from vatt_harmony.align.trace import made_pairs
from vatt_harmony.errors import UserError

TOGETHER = 16
"""Sequences that are decoded side by side."""
ITEMS = 16_384
"""Items of all streams, padding included, that are encoded side by side; one sequence may have more."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A predicted alignment."""

    pairs: NDArray[np.int64]
    """Items that belong together `[P, S]`, NULL for a stream that takes no part; in order."""
    probabilities: NDArray[np.float64]
    """Of each pair `[P]`, given all decisions before it."""
    score: float
    """Log-probability of all decisions."""


def predict(model: NeuMatch, sequence: AlignmentSequence, config: DecodeConfig) -> Prediction:
    """The alignment of one sequence; raises UserError as `predict_all`."""
    return predict_all(model, [sequence], config)[0]


@torch.inference_mode()
def predict_all(model: NeuMatch, sequences: Sequence[AlignmentSequence], config: DecodeConfig) -> list[Prediction]:
    """The alignment of each sequence, in order, by a model in evaluation mode.

    Raises UserError for sequences that cannot be right or that the model cannot read, for more sentences than clips
    where every sentence must have a clip of its own, and for exact decoding of a model with history.
    """
    for sequence in sequences:
        _check(model, sequence)
    found: dict[int, Prediction] = {}
    for places in _groups([sequence.lengths for sequence in sequences]):
        group = [sequences[place] for place in places]
        for place, sequence, path in zip(places, group, _decode(model, _encode(model, group), config), strict=True):
            found[place] = _prediction(model, sequence, path)
    return [found[place] for place in range(len(sequences))]


def _groups(lengths: Sequence[tuple[int, ...]]) -> Iterator[list[int]]:
    """Places of sequences of similar length, to be decoded side by side."""
    group: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: sum(lengths[place]), reverse=True):
        longest = np.max([lengths[each] for each in [*group, place]], axis=0).sum()
        if group and (len(group) == TOGETHER or longest * (len(group) + 1) > ITEMS):
            yield group
            group = []
        group.append(place)
    if group:
        yield group


def _encode(model: NeuMatch, sequences: Sequence[AlignmentSequence]) -> Encoded:
    device = model.pops.device

    def padded(arrays: Sequence[NDArray[np.float32]]) -> torch.Tensor:
        return pad_sequence([torch.from_numpy(array) for array in arrays], batch_first=True).to(device)

    streams = list(zip(*(sequence.streams for sequence in sequences), strict=True))
    lengths = torch.tensor([sequence.lengths for sequence in sequences], device=device)
    joint = None
    if model.config.window and all(sequence.has_joint for sequence in sequences):
        joint = [padded([stream.joint for stream in same if stream.joint is not None]) for same in streams]
    return model.encode([padded([stream.features for stream in same]) for same in streams], lengths, joint)


def _decode(model: NeuMatch, encoded: Encoded, config: DecodeConfig) -> list[Path]:
    if config.method == "exact":
        return exact(model, encoded)
    return greedy(model, encoded) if config.method == "greedy" else beam(model, encoded, config.beam)


def _prediction(model: NeuMatch, sequence: AlignmentSequence, path: Path) -> Prediction:
    rows = made_pairs(torch.from_numpy(path.actions), torch.tensor(sequence.lengths), model.actions).numpy()
    made = (rows != NULL).any(axis=1)
    return Prediction(pairs=rows[made], probabilities=np.exp(path.log_probabilities[made]), score=path.score)


def _check(model: NeuMatch, sequence: AlignmentSequence) -> None:
    if len(sequence.streams) != model.actions.streams:
        raise UserError(
            f"{sequence.name} has {len(sequence.streams)} streams, the aligner reads {model.actions.streams}",
            "They cannot be aligned",
            "Give sequences like those it was trained on",
        )
    check_sequence(sequence)
    if model.actions.keeps_sentences and len(sequence.sentences) > len(sequence.clips):
        raise UserError(
            f"{sequence.name} has {len(sequence.clips)} clips for {len(sequence.sentences)} sentences",
            "Under network.actions one_to_one every sentence needs a clip of its own",
            "Train with network.actions one_to_many or five, or cut the clips shorter",
        )
