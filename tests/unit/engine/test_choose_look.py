import numpy as np

from vatt_harmony.engine.choose_look import choose_look

VIDEO = np.arange(3, dtype=np.uint8)[:, None, None, None, None] * np.ones((1, 8, 4, 4, 3), np.uint8)
KEYS = ["a/0", "a/1", "a/2"]
SIMILARITY = np.array([[0.1, 0.9, -np.inf], [0.2, 0.3, -np.inf], [-np.inf] * 3])


def look(**options):
    return choose_look(VIDEO, KEYS, ["zero", "one", ""], [-0.5, 0.5, float("nan")], SIMILARITY, **options)


def test_answers_are_best_first_and_only_those_with_a_caption():
    first, second = look().retrieval
    assert [(clip.key, score) for clip, score in first.answers] == [("a/1", 0.9), ("a/0", 0.1)]
    assert [clip.key for clip, _ in second.answers] == ["a/1", "a/0"]
    assert first.query.key == "a/0"


def test_numbers_of_queries_and_answers_are_limits():
    (only,) = look(queries=1, answers=1).retrieval
    assert [clip.key for clip, _ in only.answers] == ["a/1"]


def test_only_clips_with_a_cosine_can_conflict():
    assert [(clip.key, clip.cosine) for clip in look().conflicting] == [("a/0", -0.5), ("a/1", 0.5)]


def test_a_few_frames_are_kept():
    assert look(frames=3).conflicting[1].frames.shape == (3, 4, 4, 3)
