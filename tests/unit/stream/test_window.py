"""Windows in time and the candidates beside them."""

import math

import numpy as np
import pytest

from vatt_harmony.media.captions import Caption
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.stream.window import choose_candidates, random_start, spaced_start


def choose(captions, start, end, most=5, seed=0):
    return choose_candidates(captions, start, end, most, keyed_generator(seed, "candidates"))


def test_starts_are_uniform_over_where_the_window_fits():
    starts = [random_start((1.0, 9.0), 3.0, keyed_generator(seed)) for seed in range(2000)]
    assert min(starts) >= 1 and max(starts) <= 6
    assert np.histogram(starts, 5, (1, 6))[0] == pytest.approx([400] * 5, rel=0.2)


@pytest.mark.parametrize("common", [(0.5, 2.0), (0.5, math.inf)])
def test_short_clips_and_pictures_start_at_their_start(common):
    assert random_start(common, 3.0, keyed_generator(0)) == 0.5
    assert spaced_start(common, 3.0, 1, 4) == 0.5


def test_evaluation_windows_are_linearly_spaced():
    assert [spaced_start((0, 10), 2.0, window, 3) for window in range(3)] == [0, 4, 8]
    assert spaced_start((0, 10), 2.0, 0, 1) == 4


TALK = [
    Caption("one", 0, 2),
    Caption("two", 2.5, 4),
    Caption("three", 4, 5),
    Caption("four", 9, 12),
    Caption("five", 12, 13),
]


def test_the_windows_own_sentence_comes_first():
    assert choose(TALK, 2.6, 4.2, most=1) == ["two"]
    assert choose(TALK, 9.5, 12.6, most=1) == ["four"]


def test_outside_all_captions_the_nearest_is_taken():
    assert choose(TALK, 5.5, 6.5, most=1) == ["three"]
    assert choose(TALK, 7.5, 8.5, most=1) == ["four"]


def test_the_group_grows_toward_the_shorter_span():
    assert choose(TALK, 4, 5, most=4) == ["three", "two", "one", "four"]
    assert choose(TALK, 9, 12, most=3) == ["four", "five", "three"]


def test_there_are_never_more_sentences_than_captions():
    assert sorted(choose(TALK, 0, 1, most=9)) == sorted(c.text for c in TALK)
    assert choose([], 0, 1) == []
    assert choose([Caption("  ", 0, 1)], 0, 1) == []


def test_captions_of_the_whole_clip_are_drawn_by_chance():
    captions = [Caption(str(i), 0, math.inf) for i in range(8)]
    firsts = [choose(captions, 0, 3, most=1, seed=seed)[0] for seed in range(200)]
    assert set(firsts) == set("01234567")
    assert choose(captions, 0, 3, seed=4) == choose(captions, 0, 3, seed=4)
    assert len(set(choose(captions, 0, 3))) == 5
