"""Teacher forcing on random pieces, by loops and without: what row 03.8 compares."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from vatt_harmony.align.actions import ONE_TO_MANY
from vatt_harmony.align.batch import Batch
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.oracle import actions_of
from vatt_harmony.align.sequence import pairs_of

WIDTHS = (768, 512)
"""Features of clips and sentences, as of a Base tower and T5."""
PIECES, PIECE = 32, (70, 30)
Logits = Callable[[NeuMatch, Batch], Tensor]


def random_features(batch: int, lengths: tuple[int, ...], seed: int = 0) -> tuple[Tensor, ...]:
    """Unit features `[batch, N_s, D_s]`."""
    generator = torch.Generator().manual_seed(seed)
    sizes = zip(lengths, WIDTHS, strict=True)
    return tuple(normalize(torch.randn(batch, n, width, generator=generator), dim=-1) for n, width in sizes)


def pieces() -> Batch:
    """Pieces whose clips are spread over their sentences at random."""
    generator = np.random.default_rng(0)
    owners = [np.sort(generator.integers(0, PIECE[1], PIECE[0])) for _ in range(PIECES)]
    taken = torch.from_numpy(np.stack([actions_of(pairs_of(each), PIECE, ONE_TO_MANY) for each in owners]))
    return Batch(
        features=random_features(PIECES, PIECE),
        lengths=torch.tensor([PIECE] * PIECES),
        joint=None,
        actions=taken,
        targets=taken,
        steps=torch.full((PIECES,), sum(PIECE)),
    )


def stepwise(model: NeuMatch, batch: Batch) -> Tensor:
    """Logits `[B, T, K]` of teacher forcing, one step of all pieces after the other."""
    encoded = model.encode(batch.features, batch.lengths)
    state, logits = model.start(encoded), []
    for action in batch.actions.unbind(1):
        logits.append(model.logits(encoded, state))
        state = model.advance(encoded, state, action)
    return torch.stack(logits, dim=1)


def piecewise(model: NeuMatch, batch: Batch) -> Tensor:
    """The same, one step of one piece after the other, as the released code does."""
    rows = [
        replace(batch, features=tuple(each[row : row + 1] for each in batch.features),
                lengths=batch.lengths[row : row + 1], actions=batch.actions[row : row + 1])
        for row in range(len(batch.actions))
    ]  # fmt: skip
    return torch.cat([stepwise(model, row) for row in rows])


def fast(model: NeuMatch, batch: Batch) -> Tensor:
    """The same without a loop, as training does it."""
    logits: Tensor = model(batch)
    return logits


def training_step(model: NeuMatch, batch: Batch, logits: Logits) -> None:
    """Forward and backward."""
    possible = logits(model, batch).clamp(min=-1e4)
    cross_entropy(possible.flatten(0, 1), batch.targets.flatten()).backward()  # type: ignore[no-untyped-call]


WAYS: Mapping[str, Logits] = {"fast": fast, "stepwise": stepwise, "piecewise": piecewise}
