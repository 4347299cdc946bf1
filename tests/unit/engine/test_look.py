import numpy as np

from vatt_harmony.engine.look import CELL, RIGHT, draw_conflicts, draw_retrieval
from vatt_harmony.engine.report import Clip, RetrievalRow


def clip(key, value, cosine=None, count=8):
    frames = np.full((count, 30, 20, 3), (value, 0, 99), np.uint8)  # no grey: letters are grey
    return Clip(key=key, frames=frames, caption=f"caption {key}", cosine=cosine)


def holds_colour(picture, colour):
    return bool((picture == np.asarray(colour, np.uint8)).all(axis=-1).any())


def test_the_right_answer_is_framed_and_only_then():
    query = clip("q", 10)
    with_answer = draw_retrieval([RetrievalRow(query=query, answers=[(clip("x", 20), 0.9), (query, 0.5)])])
    without = draw_retrieval([RetrievalRow(query=query, answers=[(clip("x", 20), 0.9)])])
    assert holds_colour(with_answer, RIGHT)
    assert not holds_colour(without, RIGHT)


def test_the_clips_of_lowest_cosine_come_first():
    clips = [
        clip("mild", 60, cosine=0.5),
        clip("none", 90),
        clip("alone", 91, cosine=float("nan")),
        clip("worst", 120, cosine=-0.9),
    ]
    picture = draw_conflicts(clips, count=1)
    assert holds_colour(picture, (120, 0, 99))
    assert not holds_colour(picture, (60, 0, 99))
    assert not holds_colour(picture, (90, 0, 99))
    assert not holds_colour(picture, (91, 0, 99))
    assert picture.shape[1] > 6 * CELL


def test_a_clip_of_one_frame_and_no_clip_at_all():
    assert draw_conflicts([clip("one", 5, cosine=-1.0, count=1)]).ndim == 3
    assert draw_conflicts([]).ndim == 3
