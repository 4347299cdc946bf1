"""Harder films from films whose clips and sentences are one to one (HM-0): distractors, lost sentences, cut clips.

After the HM sets of Dogan et al., CVPR 2018, as far as their recipe is known; analogues, since LSMDC is not used.
All functions are pure: equal generators give equal films. Clip features must be attached. Clips come out end to end,
1 s each; a sentence lasts from its first clip to its last.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from vatt_harmony.align.sequence import NULL, AlignmentSequence, Features, Floats, Owners, Stream, pairs_of

CANDIDATES = 10
"""Clips of other films of which the one most like its neighbours is inserted."""
LONGEST_GAP = 3
"""Most clips (sentences) between two insertions (deletions)."""


def with_distractors(film: AlignmentSequence, others: Sequence[Stream], generator: Generator) -> AlignmentSequence:
    """HM-1: clips of the streams `others` inserted, each 0 to 3 clips after the one before; they belong to no sentence.

    Each is the one of 10 random candidates whose mean cosine to the clips before and behind it is largest.
    """
    clips, count = film.clips, len(film.clips)
    inserted = [int(generator.integers(LONGEST_GAP + 1))]
    while inserted[-1] <= count:
        inserted.append(inserted[-1] + int(generator.integers(LONGEST_GAP + 1)))
    drawn: list[Stream] = []
    order: list[int] = []
    for place in range(count + 1):
        for _ in range(inserted.count(place)):
            order.append(count + len(drawn))
            drawn.append(_most_alike(clips.features[max(0, place - 1) : place + 1], others, generator))
        order.append(place)
    rows = np.array(order[:-1], np.int64)  # behind the last clip there is none
    owners = np.append(_labels(film), np.full(len(drawn), NULL))[rows]
    return _rebuilt(film, _rows(_joined([clips, *drawn]), rows), owners)


def without_sentences(film: AlignmentSequence, generator: Generator) -> AlignmentSequence:
    """HM-2: sentences deleted, each 0 to 3 sentences after the one before; their clips then belong to none.

    One sentence is always left.
    """
    count = len(film.sentences)
    left = np.ones(count, dtype=bool)
    place = int(generator.integers(LONGEST_GAP + 1))
    while place < count:
        left[place] = False
        place += 1 + int(generator.integers(LONGEST_GAP + 1))
    left[int(generator.integers(count))] |= not left.any()
    kept = np.flatnonzero(left)
    place_of = np.full(count + 1, NULL, np.int64)  # the last entry answers for NULL
    place_of[kept] = np.arange(len(kept))
    shortened = replace(film, streams=(film.clips, _rows(film.sentences, kept)))
    return _rebuilt(shortened, film.clips, place_of[_labels(film)])


def in_pieces(film: AlignmentSequence, generator: Generator, most: int = 5, noise: float = 0.0) -> AlignmentSequence:
    """Every clip 1 to `most` times in a row, each copy with its own Gaussian noise.

    noise: its length relative to that of the clip's feature; of the joint features likewise.
    """
    copies = np.repeat(np.arange(len(film.clips)), generator.integers(1, most + 1, len(film.clips)))
    clips = _rows(film.clips, copies)
    clips = replace(
        clips,
        features=_noisy(clips.features, noise, generator),
        joint=None if clips.joint is None else _noisy(clips.joint, noise, generator),
    )
    return _rebuilt(film, clips, _labels(film)[copies])


def _most_alike(neighbours: Features, others: Sequence[Stream], generator: Generator) -> Stream:
    """One clip of the `others`."""
    drawn = [others[number] for number in generator.integers(len(others), size=CANDIDATES)]
    candidates = [_rows(other, generator.integers(len(other), size=1)) for other in drawn]
    likeness = _unit(np.concatenate([each.features for each in candidates])) @ _unit(neighbours).T
    return candidates[int(likeness.mean(axis=1).argmax())]


def _noisy(features: Features, noise: float, generator: Generator) -> Features:
    scale = noise * np.linalg.norm(features, axis=1, keepdims=True) / np.sqrt(features.shape[1])
    return np.asarray(features + scale * generator.standard_normal(features.shape), np.float32)


def _rebuilt(film: AlignmentSequence, clips: Stream, owners: Owners) -> AlignmentSequence:
    ends = np.arange(len(clips) + 1, dtype=np.float64)
    spans = np.stack([ends[:-1], ends[1:]], axis=1)
    sentences = replace(film.sentences, spans=_sentence_spans(spans, owners, len(film.sentences)))
    return replace(film, streams=(replace(clips, spans=spans), sentences), pairs=pairs_of(owners))


def _sentence_spans(clips: Floats, owners: Owners, sentences: int) -> Floats:
    spans = np.full((sentences, 2), np.nan)
    for owner in np.unique(owners[owners != NULL]):
        own = clips[owners == owner]
        spans[owner] = own[0, 0], own[-1, 1]
    return spans


def _joined(streams: Sequence[Stream]) -> Stream:
    """The items of all, under the name of the first."""
    joints = [stream.joint for stream in streams if stream.joint is not None]
    return replace(
        streams[0],
        spans=np.concatenate([stream.spans for stream in streams]),
        features=np.concatenate([stream.features for stream in streams]),
        texts=tuple(text for stream in streams for text in stream.texts),
        joint=np.concatenate(joints) if len(joints) == len(streams) else None,
    )


def _rows(stream: Stream, rows: NDArray[np.int64]) -> Stream:
    return replace(
        stream,
        spans=stream.spans[rows],
        features=stream.features[rows],
        texts=tuple(stream.texts[row] for row in rows) if stream.texts else (),
        joint=None if stream.joint is None else stream.joint[rows],
    )


def _labels(film: AlignmentSequence) -> Owners:
    assert film.labels is not None, "made from films whose truth is known"
    return film.labels


def _unit(features: Features) -> Features:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.where(length > 0, length, 1), np.float32)
