"""Decoding of sequences: the same alone and among others; what cannot be aligned is told."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.aligners import WIDTH, small_aligner
from vatt_harmony.align import decode as module
from vatt_harmony.align.config import DecodeConfig
from vatt_harmony.align.decode import predict, predict_all
from vatt_harmony.align.sequence import AlignmentSequence, Stream
from vatt_harmony.errors import UserError

GREEDY = DecodeConfig()


def sequence(*lengths: int, seed: int = 0) -> AlignmentSequence:
    generator = np.random.default_rng(seed)

    def features(count: int) -> NDArray[np.float32]:
        return generator.normal(size=(count, WIDTH)).astype(np.float32)

    streams = [
        Stream(name=name, spans=np.full((count, 2), np.nan), features=features(count), joint=features(count))
        for name, count in zip(("clips", "sentences", "others"), lengths, strict=False)
    ]
    return AlignmentSequence(name=f"film {lengths}", group="film", streams=tuple(streams))


@pytest.mark.parametrize("config", [GREEDY, DecodeConfig(method="beam", beam=3), DecodeConfig(method="exact")])
@pytest.mark.parametrize("window", [0, 2])
def test_a_sequence_is_aligned_the_same_alone_and_among_others(
    config: DecodeConfig, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOGETHER", 3)
    model = small_aligner(history=config.method != "exact", window=window)
    sequences = [sequence(n, m, seed=n) for n, m in ((3, 2), (9, 4), (1, 1), (0, 3), (5, 0), (6, 6), (0, 0))]
    for each, together in zip(sequences, predict_all(model, sequences, config), strict=True):
        alone = predict(model, each, config)
        np.testing.assert_array_equal(alone.pairs, together.pairs)
        np.testing.assert_allclose(alone.probabilities, together.probabilities, atol=1e-5)
        assert alone.score == pytest.approx(together.score, abs=1e-4)
        assert alone.pairs.shape == (len(alone.probabilities), 2)


def test_pairs_are_in_order_and_as_probable_as_their_decisions() -> None:
    prediction = predict(small_aligner(actions="five"), sequence(12, 9), GREEDY)
    assert len(prediction.pairs) > 0
    assert (np.diff(prediction.pairs, axis=0) >= 0).all()
    assert (prediction.probabilities > 0).all() and (prediction.probabilities <= 1).all()
    assert prediction.score <= np.log(prediction.probabilities).sum() + 1e-6


def test_three_streams() -> None:
    prediction = predict(small_aligner(3, actions="streams"), sequence(4, 5, 3), GREEDY)
    assert prediction.pairs.shape[1] == 3
    assert ((prediction.pairs >= 0).sum(axis=1) >= 2).all()


def test_features_that_are_no_numbers_are_told() -> None:
    whole = sequence(3, 2)
    features = whole.sentences.features.copy()
    features[1, 0] = np.nan
    broken = replace(whole, streams=(whole.clips, replace(whole.sentences, features=features)))
    with pytest.raises(UserError, match="sentences have features that are not finite"):
        predict(small_aligner(), broken, GREEDY)


def test_more_sentences_than_clips_cannot_be_one_to_one() -> None:
    model = small_aligner(actions="one_to_one")
    assert len(predict(model, sequence(2, 2), GREEDY).pairs) == 2
    with pytest.raises(UserError, match="2 clips for 3 sentences"):
        predict(model, sequence(2, 3), GREEDY)


def test_a_window_needs_a_shared_space() -> None:
    whole = sequence(3, 2)
    apart = replace(whole, streams=tuple(replace(stream, joint=None) for stream in whole.streams))
    with pytest.raises(UserError, match="shared space"):
        predict(small_aligner(window=2), apart, GREEDY)
    assert predict(small_aligner(), apart, GREEDY).pairs.shape[1] == 2


def test_sequences_of_other_streams_are_told() -> None:
    with pytest.raises(UserError, match="has 2 streams"):
        predict(small_aligner(3, actions="streams"), sequence(2, 2), GREEDY)
