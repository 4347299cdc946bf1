"""The films of a fold as sequences: many to train on and to choose by, and those that are tested once."""

from collections.abc import Sequence
from dataclasses import dataclass

from vatt_harmony.align.sequence import AlignmentSequence
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.align_study.grid_corpus import Corpus
from vatt_harmony.scale.align_study.grid_embed import Embedded
from vatt_harmony.scale.align_study.grid_films import Film, make_films
from vatt_harmony.scale.align_study.grid_parts import parts
from vatt_harmony.scale.align_study.grid_sequences import Shown, sequence_of


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """How many films are made of which length."""

    length: int
    """Clips of a film, about: the difficulty."""
    training: int = 320
    """Training films at least; the fold's 80 clips are ordered, cut and told anew for every pass over them."""
    validation: int = 20


@dataclass(frozen=True, kw_only=True)
class Fold:
    """One fold's films, of one kind of features."""

    training: list[AlignmentSequence]
    validation: list[AlignmentSequence]
    test: list[AlignmentSequence]
    """Made once, each clip in one film."""


def films_of(fold: int, part: str, clips: Sequence[int], length: int, least: int) -> list[Film]:
    """Films of a part of a fold, at least `least`: as many passes over its clips as that takes."""
    films: list[Film] = []
    passes = 0
    while len(films) < least or not films:
        name = f"{part}{fold}.{passes}"
        films += make_films(clips, length, keyed_generator(0, "grid films", fold, part, passes), name)
        passes += 1
    return films


def fold_of(corpus: Corpus, embedded: Embedded, fold: int, shown: Shown, amounts: Amounts) -> Fold:
    """All films of a fold; `embedded` is that of `features_of`."""
    chosen = parts(fold)
    row = {clip: place for place, clip in enumerate(chosen.embedded)}

    def made(part: str, clips: Sequence[int], least: int) -> list[AlignmentSequence]:
        films = films_of(fold, part, clips, amounts.length, least)
        return [sequence_of(film, corpus, embedded, row, shown) for film in films]

    return Fold(
        training=made("training", chosen.aligner, amounts.training),
        validation=made("validation", chosen.validation, amounts.validation),
        test=made("test", chosen.test, 0),
    )
