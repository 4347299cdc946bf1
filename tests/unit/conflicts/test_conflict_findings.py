import numpy as np
import pytest

from vatt_harmony.conflicts.findings import find, notes, sentence

TWO = ["video_audio", "video_text"]


def some(conflicting: int, clips: int = 100, visits: int = 20, deviation: float = 0.1):
    cosine = np.full(clips, 0.1)
    cosine[:conflicting] = -0.2
    return find(cosine, np.full(clips, deviation), np.full(clips, visits))


def test_the_sentence_tells_the_finding():
    assert str(sentence(some(7), TWO)) == (
        "Of 100 clips, 7 disagree with themselves: the sound says one thing, the caption another."
    )
    assert "1 disagrees with itself" in str(sentence(some(1), TWO))
    assert sentence(some(7), TWO).strong == "7 disagree with themselves"


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (["audio_text", "video_text"], "the sound says one thing, the picture another"),
        (["audio_text", "video_audio"], "the caption says one thing, the picture another"),
        (["audio_text", "video_audio", "video_text"], "picture, sound and caption do not tell the same story"),
    ],
)
def test_the_contradiction_is_named_after_the_losses(pairs, words):
    assert words in str(sentence(some(7), pairs))


def test_what_may_be_chance_is_not_counted():
    uncertain = some(7, deviation=5.0)
    assert uncertain.below == 7 and uncertain.count == 0
    assert str(sentence(uncertain, TWO)) == "Of 100 clips, none can be said to disagree with itself."
    assert any("none by more than chance explains" in note for note in notes(uncertain, TWO, "last_linear/all", 50))


def test_without_a_record_of_visits_the_sentence_claims_nothing():
    unknown = find(np.array([-0.5, 0.2, np.nan]), np.full(3, np.nan), np.array([30, 30, 0]))
    assert (unknown.total, unknown.compared, unknown.judged, unknown.below) == (3, 2, 0, 1)
    assert "by chance or not" in str(sentence(unknown, TWO))
    told = " ".join(notes(unknown, TWO, "last_linear/all", 50))
    assert "cannot be told apart" in told and "two losses to compare: 1 of 3 clips." in told


def test_notes_name_visits_steps_signal_and_the_share_of_chance():
    told = " ".join(notes(some(60), TWO, "last_block/all", 1500))
    for words in (
        "20 times in 1,500 steps",
        "signal last_block/all",
        "at most about 3",
        "5%",
        "question, not a verdict",
    ):
        assert words in told
    few = find(np.full(10, -0.2), np.full(10, 0.1), np.array([20] * 8 + [2] * 2))
    assert "fewer than 5 visits: 2 clips." in " ".join(notes(few, TWO, "last_linear/all", 9))
