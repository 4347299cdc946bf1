"""The small VATT of the GRID study on made clips, and films as sequences of its features."""

import numpy as np
import pytest
import torch

from vatt_harmony.align.sequence import NULL
from vatt_harmony.scale.align_study.grid_corpus import FRAMES, RATE, SIZE, Corpus, Word, motion_of, said
from vatt_harmony.scale.align_study.grid_embed import Embedded, embed
from vatt_harmony.scale.align_study.grid_encoder import SAMPLES, WINDOW, train_encoder
from vatt_harmony.scale.align_study.grid_films import make_films
from vatt_harmony.scale.align_study.grid_sequences import sequence_of

WINDOWS = FRAMES - WINDOW + 1


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    generator = torch.Generator().manual_seed(0)
    names = ("bin", "blue", "at", "f", "two", "now", "set", "red")
    words = tuple(
        tuple(Word(names[(clip + place) % len(names)], 0.5 + 0.2 * place, 0.7 + 0.2 * place) for place in range(6))
        for clip in range(10)
    )
    return Corpus(
        motion=torch.rand(10, FRAMES, SIZE, SIZE, generator=generator) * 2 - 1,
        sound=torch.randn(10, FRAMES * RATE // 25, generator=generator) * 0.1,
        words=words,
    )


@pytest.fixture(scope="module")
def embedded(corpus: Corpus) -> Embedded:
    return embed(train_encoder(corpus, range(8), seed=0, steps=2), corpus, [9, 3, 8])


def test_windows_of_every_frame_are_embedded(embedded: Embedded) -> None:
    assert embedded.video.shape == embedded.audio.shape == (3, WINDOWS, 128)
    assert embedded.text.shape == (3, 128)
    assert all(torch.isfinite(values).all() for values in vars(embedded).values())


def test_equal_seeds_train_equal_encoders_and_a_clip_is_embedded_by_itself(corpus: Corpus, embedded: Embedded) -> None:
    again = embed(train_encoder(corpus, range(8), seed=0, steps=2), corpus, [8])
    torch.testing.assert_close(again.audio[0], embedded.audio[2])
    torch.testing.assert_close(again.text[0], embedded.text[2])


def test_window_of_a_frame_sees_that_second_alone(corpus: Corpus) -> None:
    model = train_encoder(corpus, range(8), seed=0, steps=1)
    sound = corpus.sound.clone()
    sound[0, 40 * RATE // 25 :] = 0
    changed = embed(model, Corpus(motion=corpus.motion, sound=sound, words=corpus.words), [0])
    same = (changed.audio[0] == embed(model, corpus, [0]).audio[0]).all(dim=1)
    assert same[: 40 - WINDOW + 1].all() and not same[40 - WINDOW + 1 :].any()
    assert SAMPLES == WINDOW * RATE // 25


def test_pieces_show_the_mean_of_their_windows_and_time_goes_on(corpus: Corpus) -> None:
    generator = torch.Generator().manual_seed(1)
    made = {
        name: torch.randn(10, *shape, generator=generator)
        for name, shape in {
            "video": (WINDOWS, 4), "audio": (WINDOWS, 4), "video_tower": (WINDOWS, 3),
            "audio_tower": (WINDOWS, 3), "text": (4,), "text_tower": (3,),
        }.items()
    }  # fmt: skip
    embedded, row = Embedded(**made), {clip: clip for clip in range(10)}
    film = make_films(range(10), 5, np.random.default_rng(0), "film")[0]
    picture, both = (sequence_of(film, corpus, embedded, row, shown) for shown in ("picture", "picture + sound"))
    piece = film.pieces[1]
    video = embedded.video[piece.clip, piece.first : piece.last - WINDOW + 1].mean(0)
    assert picture.clips.joint is not None and both.clips.joint is not None
    np.testing.assert_allclose(picture.clips.joint[1], (video / video.norm()).numpy(), rtol=1e-5)
    assert picture.clips.features.shape[1] == 4 + 3 and both.clips.features.shape[1] == 4 + 3 + 3
    assert not np.allclose(picture.clips.joint, both.clips.joint)
    spans = both.clips.spans
    np.testing.assert_allclose(spans[1:, 0], spans[:-1, 1])
    assert both.labels is not None and both.labels.tolist() == film.owners
    for place, told in enumerate(both.sentences.spans):
        own = spans[both.labels == place]
        assert np.isnan(told).all() if len(own) == 0 else (told[0] == own[0, 0] and told[1] == own[-1, 1])
    assert (both.labels == NULL).any()


def test_words_of_a_window_are_those_said_by_half() -> None:
    words = (Word("bin", 0.0, 0.2), Word("blue", 0.2, 0.6), Word("at", 0.6, 0.7))
    assert said(words, 0.1, 0.4) == ["bin", "blue"]
    assert said(words, 0.45, 1.0) == ["at"]


def test_motion_forgets_what_does_not_move() -> None:
    video = torch.randint(0, 200, (2, 6, 8, 8, 3), dtype=torch.uint8)
    brighter = video.clone()
    brighter[:, :, 2] += 50
    torch.testing.assert_close(motion_of(brighter), motion_of(video), atol=1e-4, rtol=1e-4)
    assert motion_of(video).abs().max() <= 1
