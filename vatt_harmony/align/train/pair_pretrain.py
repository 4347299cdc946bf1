"""The branches' encoders trained on matched pairs, before the aligner is trained as a whole."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from vatt_harmony.align.config import PretrainConfig
from vatt_harmony.align.losses import ranking_loss
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.sequence import NULL, AlignmentSequence
from vatt_harmony.errors import UserError
from vatt_harmony.randomness import keyed_generator, keyed_int


def pretrain_pairs(
    model: NeuMatch, sequences: Sequence[AlignmentSequence], config: PretrainConfig, seed: int
) -> list[float]:
    """Train the encoders of two streams by the order-embedding loss; returns its mean of each epoch.

    An epoch takes every matched sentence once, with one of its clips; the contrasts are the clip and the sentence of
    another pair of the batch, so that none shows the same sentence. Sets torch's seed. All ranks must call it, and do
    the same. Raises UserError for other than two streams, and where there are no two sentences with clips.
    """
    if len(model.dims) != 2 or not model.config.content:
        raise UserError(
            "Pair pretraining is asked of an aligner that does not read two streams",
            "There are no two encoders to train on one another",
            "Set pretrain.epochs to 0",
        )
    torch.manual_seed(keyed_int(seed, "pair dropout"))
    device = next(model.parameters()).device
    items = [_stacked(sequences, stream).to(device) for stream in range(2)]
    pairs = all_pairs(sequences)
    optimizer = torch.optim.Adam(model.encoders.parameters(), lr=config.lr)
    model.train()
    losses = []
    for epoch in range(config.epochs):
        total = 0.0
        for rows, shift in _batches(pairs, config.batch, keyed_generator(seed, "pairs", epoch)):
            clips, sentences = (
                encode(each[torch.from_numpy(column).to(device)])
                for encode, each, column in zip(model.encoders, items, rows.T, strict=True)
            )
            loss = ranking_loss(clips, sentences, clips.roll(shift, 0), sentences.roll(shift, 0), config.margin)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            total += float(loss.detach()) * len(rows)
        losses.append(total / len(np.unique(pairs[:, 1])))
    return losses


def all_pairs(sequences: Sequence[AlignmentSequence]) -> NDArray[np.int64]:
    """Matched pairs `[P, 2]` of all sequences, by places in their items one after another, sorted by sentence.

    Raises UserError where fewer than two sentences have a clip.
    """
    ends = np.cumsum([sequence.lengths for sequence in sequences], axis=0)
    starts = ends - [sequence.lengths for sequence in sequences]
    known = [
        sequence.pairs[(sequence.pairs != NULL).all(axis=1)] + start
        for sequence, start in zip(sequences, starts, strict=True)
        if sequence.pairs is not None
    ]
    pairs = np.concatenate(known) if known else np.zeros((0, 2), np.int64)
    if len(np.unique(pairs[:, 1])) < 2:
        raise UserError(
            "Fewer than two training sentences have a clip",
            "Pair pretraining has nothing to contrast",
            "Set pretrain.epochs to 0, or give more sequences",
        )
    return pairs[np.argsort(pairs[:, 1], kind="stable")]


def _batches(pairs: NDArray[np.int64], size: int, generator: Generator) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Pairs `[R, 2]` of different sentences, and by how many rows to shift them for contrasts."""
    _, starts, counts = np.unique(pairs[:, 1], return_index=True, return_counts=True)
    chosen = pairs[starts + generator.integers(counts)]
    for rows in np.array_split(generator.permutation(chosen), max(1, len(chosen) // size)):
        yield rows, int(generator.integers(1, len(rows)))


def _stacked(sequences: Sequence[AlignmentSequence], stream: int) -> Tensor:
    return torch.from_numpy(np.concatenate([sequence.streams[stream].features for sequence in sequences]))
