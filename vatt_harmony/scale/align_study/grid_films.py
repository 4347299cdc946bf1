"""Films made of GRID clips: which clips, in which order, cut where, with which sentences. No feature is looked at.

A film shows clips one after another, each cut into pieces, and has a text, sentences in the order of their clips. The
sentence of a null clip is not in the text; a null sentence has no clip in the film. Null sentences are those of null
clips of other films, so that every clip and every sentence of a set of clips is used once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from vatt_harmony.align.sequence import NULL
from vatt_harmony.scale.align_study.grid_corpus import FPS, FRAMES

NULL_CLIPS = 0.2
"""Share of the clips whose sentence is not in the text."""
NULL_SENTENCES = 0.15
"""Share of the sentences whose clip is not in the film."""
MOST_PIECES = 5
SHORTEST = 13
"""Frames of the shortest piece, 0.52 s."""


@dataclass(frozen=True)
class Piece:
    """Some frames [first, last) of a clip."""

    clip: int
    first: int
    last: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.last - self.first) / FPS


@dataclass(frozen=True)
class Film:
    """What is shown and what is told; clips and sentences by their number in the corpus."""

    name: str
    pieces: tuple[Piece, ...]
    sentences: tuple[int, ...]

    @property
    def owners(self) -> list[int]:
        """The place in the text of each piece's sentence, NULL for pieces of null clips."""
        place = {clip: number for number, clip in enumerate(self.sentences)}
        return [place.get(piece.clip, NULL) for piece in self.pieces]


def make_films(clips: Sequence[int], length: int, generator: Generator, name: str) -> list[Film]:
    """Films of about `length` clips each that show every one of `clips` once.

    Equal generators give equal films. Of `clips`, 20 % are null; null sentences are 15 % of all sentences.
    """
    order = [int(clip) for clip in generator.permutation(np.asarray(clips))]
    count, nulls = max(2, round(len(order) / length)), round(NULL_CLIPS * len(order))
    null, shown = _dealt(order[:nulls], count), _dealt(order[nulls:], count)
    wanted = round((len(order) - nulls) * NULL_SENTENCES / (1 - NULL_SENTENCES))
    told = _strangers(null, min(wanted, nulls), generator)
    return [_film(f"{name}-{film}", shown[film], null[film], told[film], generator) for film in range(count)]


def cut(clip: int, generator: Generator) -> list[Piece]:
    """A clip in 1 to 5 pieces, each number equally likely, of at least 0.52 s; the rest of the time falls at random."""
    pieces = int(generator.integers(1, MOST_PIECES + 1))
    spare = FRAMES - pieces * SHORTEST
    inner = np.sort(generator.integers(0, spare + 1, pieces - 1)) + SHORTEST * np.arange(1, pieces)
    bounds = [0, *inner.tolist(), FRAMES]
    return [Piece(clip, first, last) for first, last in pairwise(bounds)]


def _film(name: str, shown: list[int], null: list[int], told: list[int], generator: Generator) -> Film:
    clips = _mixed(shown, null, generator)
    return Film(
        name=name,
        pieces=tuple(piece for clip in clips for piece in cut(clip, generator)),
        sentences=tuple(_mixed(shown, told, generator)),
    )


def _mixed(kept: list[int], added: list[int], generator: Generator) -> list[int]:
    """Both together: `kept` in its order, `added` anywhere between."""
    places = set(generator.permutation(len(kept) + len(added))[: len(added)].tolist())
    first, second = iter(kept), iter(added)
    return [next(second) if place in places else next(first) for place in range(len(kept) + len(added))]


def _dealt(clips: list[int], films: int) -> list[list[int]]:
    """As even as possible."""
    return [part.tolist() for part in np.array_split(np.array(clips, dtype=np.int64), films)]


def _strangers(null: list[list[int]], wanted: int, generator: Generator) -> list[list[int]]:
    """For each film some null clips of other films, `wanted` in all, none twice."""
    owner = [(film, clip) for film, clips in enumerate(null) for clip in clips]
    chosen = [owner[place] for place in generator.permutation(len(owner))[:wanted].tolist()]
    told: list[list[int]] = [[] for _ in null]
    # Each goes to one of the other films at random, of those with the fewest so far.
    for film, clip in chosen:
        others = [other for other in range(len(null)) if other != film]
        fewest = min(len(told[other]) for other in others)
        free = [other for other in others if len(told[other]) == fewest]
        told[free[int(generator.integers(len(free)))]].append(clip)
    return told
