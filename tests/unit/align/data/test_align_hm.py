import numpy as np
import pytest
from numpy.testing import assert_array_equal

from vatt_harmony.align.data.hm import in_pieces, with_distractors, without_sentences
from vatt_harmony.align.sequence import AlignmentSequence, Features, Stream

FILM = np.eye(8, dtype=np.float32)[:6]
STRANGERS = -np.eye(8, dtype=np.float32)


def film_of(features: Features) -> AlignmentSequence:
    """Clip i shows `features[i]`, sentence i tells it."""
    order = np.arange(len(features))
    spans = np.stack([order, order + 1], axis=1).astype(float)
    texts = tuple(f"text {place}" for place in order)
    return AlignmentSequence(
        name="film",
        group="film",
        streams=(
            Stream(name="clips", spans=spans, features=features, joint=features),
            Stream(name="sentences", spans=spans, features=features, joint=features, texts=texts),
        ),
        pairs=np.stack([order, order], axis=1),
    )


def others(features: Features = STRANGERS) -> list[Stream]:
    return [film_of(features).clips]


def assert_truth_fits(film: AlignmentSequence) -> None:
    """Owned clips show what their sentence tells, and the sentence's time is theirs."""
    assert film.labels is not None
    owned = film.labels >= 0
    assert_array_equal(film.clips.features[owned], film.sentences.features[film.labels[owned]])
    assert_array_equal(film.clips.joint, film.clips.features)
    for sentence, (start, end) in enumerate(film.sentences.spans):
        times = film.clips.spans[film.labels == sentence]
        if len(times):
            assert (start, end) == (times[0, 0], times[-1, 1])
        else:
            assert np.isnan([start, end]).all()


@pytest.mark.parametrize("seed", range(5))
def test_distractors_are_strangers_at_most_three_clips_apart(seed: int) -> None:
    film = with_distractors(film_of(FILM), others(), np.random.default_rng(seed))

    assert film.labels is not None
    assert_array_equal(film.labels[film.labels >= 0], np.arange(6))
    strange = film.labels == -1
    assert (film.clips.features[strange].sum(axis=1) == -1).all()
    runs = "".join("x" if each else "o" for each in strange).split("x")
    assert max(map(len, runs)) <= 3
    assert_truth_fits(film)


def test_the_distractor_most_like_its_neighbours_is_taken() -> None:
    same = np.repeat(np.eye(8, dtype=np.float32)[:1], 6, axis=0)
    # Nine of ten candidates are opposite; that all ten of a draw are has a probability of 0.35.
    alike = np.concatenate([same[:1], -np.repeat(same[:1], 9, axis=0)])
    drawn = [
        features
        for seed in range(20)
        for film in [with_distractors(film_of(same), others(alike), np.random.default_rng(seed))]
        for features in film.clips.features[film.labels == -1]
    ]

    assert np.mean([each[0] == 1 for each in drawn]) == pytest.approx(1 - 0.9**10, abs=0.12)


def test_deleted_sentences_leave_their_clips_alone() -> None:
    lost = []
    for seed in range(30):
        film = without_sentences(film_of(FILM), np.random.default_rng(seed))
        assert film.clips.features.shape == FILM.shape
        assert 1 <= len(film.sentences) == len(film.sentences.texts) <= 6
        assert film.labels is not None
        lost.append((film.labels == -1).sum())
        assert_truth_fits(film)
    assert 1 <= np.mean(lost) <= 4


def test_a_film_of_one_sentence_keeps_it() -> None:
    for seed in range(8):
        assert without_sentences(film_of(FILM[:1]), np.random.default_rng(seed)).lengths == (1, 1)


def test_pieces_follow_each_other_and_belong_together() -> None:
    film = in_pieces(film_of(FILM), np.random.default_rng(0), most=5)

    assert film.labels is not None
    counts = np.bincount(film.labels)
    assert set(counts) <= set(range(1, 6))
    assert len(set(counts)) > 1
    assert_truth_fits(film)


def test_pieces_differ_by_noise_of_the_length_asked_for() -> None:
    features = np.random.default_rng(1).standard_normal((50, 400)).astype(np.float32)
    film = in_pieces(film_of(features), np.random.default_rng(0), noise=0.5)

    assert film.labels is not None
    change = np.linalg.norm(film.clips.features - features[film.labels], axis=1)
    assert np.mean(change / np.linalg.norm(features[film.labels], axis=1)) == pytest.approx(0.5, abs=0.02)


def test_equal_generators_give_equal_films() -> None:
    first, second = (
        in_pieces(with_distractors(film_of(FILM), others(), generator), generator, noise=1.0)
        for generator in (np.random.default_rng(3), np.random.default_rng(3))
    )
    assert_array_equal(first.clips.features, second.clips.features)
