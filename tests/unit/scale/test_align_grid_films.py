"""Films of clips: every clip once, in pieces that are long enough, told in order, with nulls on both sides."""

from itertools import pairwise

import numpy as np
import pytest

from vatt_harmony.align.sequence import NULL
from vatt_harmony.scale.align_study.grid_corpus import FRAMES
from vatt_harmony.scale.align_study.grid_films import (
    MOST_PIECES,
    NULL_CLIPS,
    NULL_SENTENCES,
    SHORTEST,
    Film,
    cut,
    make_films,
)
from vatt_harmony.scale.align_study.grid_folds import films_of
from vatt_harmony.scale.align_study.grid_parts import CLIPS, FOLDS, parts


def films(seed: int, clips: int = 80, length: int = 10) -> list[Film]:
    return make_films(range(100, 100 + clips), length, np.random.default_rng(seed), "film")


@pytest.mark.parametrize("seed", range(5))
def test_every_clip_is_in_one_film_and_its_pieces_follow_one_another(seed: int) -> None:
    shown = [clip for film in films(seed) for clip in dict.fromkeys(piece.clip for piece in film.pieces)]
    assert sorted(shown) == list(range(100, 180))
    for film in films(seed):
        for clip in {piece.clip for piece in film.pieces}:
            bounds = [(piece.first, piece.last) for piece in film.pieces if piece.clip == clip]
            assert bounds[0][0] == 0 and bounds[-1][1] == FRAMES
            assert all(one[1] == other[0] for one, other in pairwise(bounds))
            assert min(last - first for first, last in bounds) >= SHORTEST


@pytest.mark.parametrize("seed", range(5))
def test_text_follows_the_film_and_holds_the_promised_nulls(seed: int) -> None:
    made = films(seed)
    for film in made:
        told = [owner for owner in film.owners if owner != NULL]
        assert told == sorted(told)
    null_clips = sum(len({p.clip for p in film.pieces} - set(film.sentences)) for film in made)
    null_sentences = sum(len(set(film.sentences) - {p.clip for p in film.pieces}) for film in made)
    sentences = [clip for film in made for clip in film.sentences]
    assert null_clips == NULL_CLIPS * 80
    assert null_sentences / len(sentences) == pytest.approx(NULL_SENTENCES, abs=0.01)
    assert len(sentences) == len(set(sentences))


def test_equal_generators_make_equal_films() -> None:
    assert films(3) == films(3)
    assert films(3) != films(4)


def test_all_numbers_of_pieces_occur_equally_often() -> None:
    generator = np.random.default_rng(0)
    counts = np.bincount([len(cut(0, generator)) for _ in range(2000)], minlength=MOST_PIECES + 1)
    assert counts[0] == 0
    assert counts[1:] / 2000 == pytest.approx(1 / MOST_PIECES, abs=0.03)


def test_a_clip_is_a_test_clip_once_and_nothing_else_in_that_fold() -> None:
    tested = [clip for fold in range(FOLDS) for clip in parts(fold).test]
    assert sorted(tested) == list(range(CLIPS))
    for fold in range(FOLDS):
        chosen = parts(fold)
        every = chosen.embedded + chosen.encoder
        assert len(every) == len(set(every)) == CLIPS


def test_training_films_are_ordered_and_cut_anew_in_every_pass() -> None:
    made = films_of(0, "training", parts(0).aligner, 10, 16)
    assert len(made) == 16
    assert len({film.name for film in made}) == 16
    first, second = ({p for film in half for p in film.pieces} for half in (made[:8], made[8:]))
    assert {p.clip for p in first} == {p.clip for p in second}
    assert first != second
