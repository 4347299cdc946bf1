"""Text features, made clips, and the space that both share."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from vatt_harmony.align.data.attach import encode_texts
from vatt_harmony.align.data.joint import RidgeJoint, cross_fitted
from vatt_harmony.align.data.synthetic import Images, with_images
from vatt_harmony.align.data.tfidf import HashedTfidf
from vatt_harmony.align.sequence import AlignmentSequence, Stream, pairs_of
from vatt_harmony.errors import UserError

TEXTS = ("take out a pan", "take out a knife", "wash the knife", "peel an orange")


def film(name: str, labels: Sequence[int], texts: Sequence[str]) -> AlignmentSequence:
    def stream(stream: str, count: int, told: Sequence[str]) -> Stream:
        spans = np.zeros((count, 2))
        return Stream(name=stream, spans=spans, features=np.zeros((count, 0), np.float32), texts=tuple(told))

    owners = np.array(labels, np.int64)
    streams = (stream("clips", len(labels), texts[:0]), stream("sentences", len(texts), texts))
    return AlignmentSequence(name=name, group=name, streams=streams, pairs=pairs_of(owners))


def encoded(films: Sequence[AlignmentSequence], encode: HashedTfidf) -> list[AlignmentSequence]:
    return [encode_texts(each, encode) for each in films]


def test_text_features_have_length_one_and_keep_cosines() -> None:
    encode = HashedTfidf(TEXTS, width=400)
    features = encode(TEXTS)

    assert features.dtype == np.float32
    assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-5)
    cosine = features @ features.T
    assert cosine[0, 1] > 0.4 > 0.2 > abs(cosine[0, 3])
    assert_array_equal(encode(TEXTS[:2]), HashedTfidf(TEXTS, width=400)(TEXTS[:2]))


def test_rare_words_weigh_more_and_no_words_are_no_feature() -> None:
    encode = HashedTfidf([*TEXTS, "take it", "take them"], width=400)
    rare, common = encode(["knife orange", "take orange"]) @ encode(["orange"])[0]

    assert rare < common
    assert_array_equal(encode(["", "   "]), np.zeros((2, 400)))
    assert encode([]).shape == (0, 400)


def test_clips_without_noise_show_their_sentence_and_null_clips_another_film() -> None:
    encode = HashedTfidf(TEXTS, width=64)
    films = encoded([film("a", [0, -1, 1, 1], TEXTS[:2]), film("b", [0, 1], TEXTS[2:])], encode)
    images = Images(width=100, noise=0.0)

    made = with_images(films[0], images, films)

    clips = made.clips.features
    assert_array_equal(clips[2], clips[3])
    assert_allclose(clips[[0, 2]], images.of(films[0].sentences.features), rtol=1e-5)
    strangers = images.of(films[1].sentences.features)
    assert min(np.abs(strangers - clips[1]).max(axis=1)) < 1e-6


def test_noise_has_the_length_asked_for_and_depends_on_the_film() -> None:
    texts = HashedTfidf(TEXTS, width=64)(TEXTS * 20)
    clean, noisy, other = (Images(noise=n).of(texts, key) for n, key in ((0.0, "a"), (2.0, "a"), (2.0, "b")))

    assert np.linalg.norm(noisy - clean, axis=1).mean() == pytest.approx(2.0, rel=0.05)
    assert not np.allclose(noisy, other)


def test_regression_finds_the_map_from_training_pairs() -> None:
    words = [f"word{number}" for number in range(40)]
    encode = HashedTfidf(words, width=32)
    films = encoded([film(str(n), [0, 1, 2, -1], words[3 * n : 3 * n + 3]) for n in range(13)], encode)
    images = Images(width=60, noise=0.1)
    films = [with_images(each, images, films) for each in films]
    joint = RidgeJoint(films[:11], strength=0.01)

    for held_out in map(joint, films[11:]):
        assert held_out.clips.joint is not None and held_out.sentences.joint is not None
        similarity = held_out.clips.joint @ held_out.sentences.joint.T
        assert_array_equal(similarity[:3].argmax(axis=1), [0, 1, 2])


def test_nothing_paired_cannot_be_fitted() -> None:
    with pytest.raises(UserError, match="pair"):
        RidgeJoint([film("a", [-1, -1], TEXTS)])


def test_training_films_are_mapped_by_a_fit_on_other_films() -> None:
    encode = HashedTfidf([f"word{number}" for number in range(80)], width=60)
    images = Images(width=60, noise=6.0)
    films = encoded([film(str(n), [0, 1], [f"word{2 * n}", f"word{2 * n + 1}"]) for n in range(20)], encode)
    films = [with_images(each, images, films) for each in films]

    seen, unseen = [RidgeJoint(films, 0.1)(each) for each in films], cross_fitted(films, 0.1)

    assert _matched(seen) > 0.5 > 0.2 > _matched(unseen)
    assert unseen[7].clips.joint is not None
    others = [each for each in films if _part(each, films) != _part(films[7], films)]
    part = RidgeJoint(others, 0.1)(films[7])
    assert_allclose(unseen[7].clips.joint, part.clips.joint, atol=1e-6)


def test_a_single_film_is_mapped_by_itself() -> None:
    films = encoded([film("a", [0, 1], TEXTS[:2]), film("b", [-1, -1], TEXTS[2:])], HashedTfidf(TEXTS, width=32))
    films = [with_images(each, Images(width=40), films) for each in films]

    for fitted, plain in zip(cross_fitted(films), map(RidgeJoint(films), films), strict=True):
        assert_array_equal(fitted.clips.joint, plain.clips.joint)


def _part(one: AlignmentSequence, films: Sequence[AlignmentSequence]) -> int:
    return sorted({each.group for each in films}).index(one.group) % 5


def _matched(films: Sequence[AlignmentSequence]) -> float:
    """Mean cosine of clips with their own sentences."""
    cosines = []
    for each in films:
        clips, sentences = each.clips.joint, each.sentences.joint
        assert clips is not None and sentences is not None
        cosines += [(clip @ own) / np.linalg.norm(clip) for clip, own in zip(clips, sentences, strict=True)]
    return float(np.mean(cosines))
