"""Short films out of the corpus' clips: cut, mixed, with clips that no sentence tells of and sentences that lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vatt_harmony.align.sequence import NULL

CLIPS = 8
"""Most clips of the corpus in one film."""
PIECES = 3
"""Most shots that a clip is cut into."""
SILENT, FOREIGN = 0.2, 0.15
"""Chance of a clip to have no sentence, and of a sentence to be preceded by one of a clip outside the film."""


@dataclass(frozen=True, kw_only=True)
class FilmPlan:
    """What a film is made of."""

    name: str
    clips: tuple[str, ...]
    """Names of the corpus' clips, in order."""
    sentences: tuple[str, ...]
    owners: tuple[int, ...]
    """The sentence of each clip, NULL for none."""


def plan_films(
    name: str, captions: Mapping[str, Sequence[str]], generator: np.random.Generator, films: int | None = None
) -> list[FilmPlan]:
    """Films `NAME_000` and on from clips with these captions; without `films` every clip is in exactly one film.

    With it, each of so many films draws its clips anew. A film has up to CLIPS clips, at least one sentence, and
    one caption of each clip that is told of.
    """
    names = list(captions)
    size = min(CLIPS, max(len(names) // 2, 1))
    if films is None:
        order = [names[place] for place in generator.permutation(len(names))]
        casts = [order[first : first + size] for first in range(0, len(order), size)]
    else:
        casts = [[names[place] for place in generator.permutation(len(names))[:size]] for _ in range(films)]
    return [_film(f"{name}_{number:03d}", cast, captions, generator) for number, cast in enumerate(casts)]


def _film(
    name: str, cast: Sequence[str], captions: Mapping[str, Sequence[str]], generator: np.random.Generator
) -> FilmPlan:
    outside = [other for other in captions if other not in set(cast)]
    told = generator.random(len(cast)) >= SILENT
    told[generator.integers(len(cast))] = True
    sentences: list[str] = []
    owners: list[int] = []
    for clip, heard in zip(cast, told, strict=True):
        if outside and generator.random() < FOREIGN:
            sentences.append(_one(captions[_one(outside, generator)], generator))
        owners.append(len(sentences) if heard else NULL)
        if heard:
            sentences.append(_one(captions[clip], generator))
    return FilmPlan(name=name, clips=tuple(cast), sentences=tuple(sentences), owners=tuple(owners))


def _one(of: Sequence[str], generator: np.random.Generator) -> str:
    return of[int(generator.integers(len(of)))]
