"""Films as sequences: every piece and every sentence with the features of a fold's encoder."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from vatt_harmony.align.sequence import AlignmentSequence, Features, Floats, Stream, pairs_of
from vatt_harmony.scale.align_study.grid_corpus import Corpus
from vatt_harmony.scale.align_study.grid_embed import Embedded
from vatt_harmony.scale.align_study.grid_encoder import WINDOW
from vatt_harmony.scale.align_study.grid_films import Film, Piece

Shown = Literal["picture", "picture + sound"]
SHOWN: tuple[Shown, ...] = ("picture", "picture + sound")


def sequence_of(
    film: Film, corpus: Corpus, embedded: Embedded, row: Mapping[int, int], shown: Shown
) -> AlignmentSequence:
    """The film; `row`: place in `embedded` of each clip.

    `joint` of a piece: the mean over its windows in the joint space at length 1, of picture and sound the sum of both.
    `features`: that beside what the towers give before their heads, each at length 1.
    """
    texts = [row[clip] for clip in film.sentences]
    joint, features = _pieces(film.pieces, embedded, row, shown)
    said = normalize(embedded.text[texts], dim=-1)
    owners = np.array(film.owners, dtype=np.int64)
    spans = _spans(film.pieces)
    return AlignmentSequence(
        name=film.name,
        group=film.name,
        streams=(
            Stream(name="clips", spans=spans, features=features, joint=joint),
            Stream(
                name="sentences",
                spans=_told(spans, owners, len(texts)),
                texts=tuple(corpus.sentences[clip] for clip in film.sentences),
                features=_array(torch.cat([said, normalize(embedded.text_tower[texts], dim=-1)], dim=-1)),
                joint=_array(said),
            ),
        ),
        pairs=pairs_of(owners),
    )


def _pieces(
    pieces: Sequence[Piece], embedded: Embedded, row: Mapping[int, int], shown: Shown
) -> tuple[Features, Features]:
    def means(values: Tensor) -> Tensor:
        """Over the windows inside each piece, at length 1."""
        rows = [values[row[p.clip], p.first : p.last - WINDOW + 1].mean(0) for p in pieces]
        return normalize(torch.stack(rows), dim=-1)

    spaces, towers = [means(embedded.video)], [means(embedded.video_tower)]
    if shown == "picture + sound":
        spaces.append(means(embedded.audio))
        towers.append(means(embedded.audio_tower))
    joint = normalize(torch.stack(spaces).sum(0), dim=-1)
    return _array(joint), _array(torch.cat([joint, *towers], dim=-1))


def _spans(pieces: Sequence[Piece]) -> Floats:
    """One after the other from 0 s `[N, 2]`."""
    ends = np.cumsum([piece.seconds for piece in pieces])
    return np.stack([ends - [piece.seconds for piece in pieces], ends], axis=1)


def _told(spans: Floats, owners: NDArray[np.int64], sentences: int) -> Floats:
    """From the first piece of each sentence to its last `[M, 2]`, NaN of a null sentence."""
    told = np.full((sentences, 2), np.nan)
    for place in set(owners[owners >= 0].tolist()):
        own = spans[owners == place]
        told[place] = own[0, 0], own[-1, 1]
    return told


def _array(values: Tensor) -> Features:
    return np.asarray(values.numpy(), np.float32)
