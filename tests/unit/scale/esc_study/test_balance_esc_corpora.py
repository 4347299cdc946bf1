"""What the study on ESC-10 pretrains on: made voices, films of spectrograms, and shards of them."""

import csv
import tarfile
from pathlib import Path

import numpy as np
import pytest

from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.esc_study.corpora import build_shards, recordings, voices, write_clips
from vatt_harmony.scale.esc_study.pictures import RATE, SIZE, altered, film_of
from vatt_harmony.scale.esc_study.voices import draw_voice, perform
from vatt_harmony.shards.index import open_source


def test_performances_of_a_voice_differ_and_are_repeated_by_their_generator() -> None:
    voice = draw_voice(keyed_generator(1, "voice"))
    first, second, again = (perform(voice, 1.0, RATE, keyed_generator(seed, "performance")) for seed in (1, 2, 1))

    assert np.array_equal(first, again)
    assert not np.allclose(first, second)


@pytest.mark.parametrize("seed", range(12))
def test_every_voice_sounds(seed: int) -> None:
    generator = keyed_generator(seed, "voice")
    sound = perform(draw_voice(generator), 0.5, RATE, generator)

    assert sound.shape == (RATE // 2,)
    assert np.abs(sound).max() == pytest.approx(1.0)


def test_a_film_shows_high_tones_above_low_ones_a_second_a_frame() -> None:
    time = np.arange(RATE) / RATE
    low, high = (np.sin(2 * np.pi * hertz * time).astype(np.float32) for hertz in (200, 5000))

    film = film_of(np.concatenate([low, high]))

    assert film.shape == (2, SIZE, SIZE, 3)
    rows = film[..., 0].mean(axis=2).argmax(axis=1)
    assert rows[1] < SIZE // 4 < SIZE // 2 < rows[0]


def test_an_altered_sound_is_another_of_the_same_length() -> None:
    sound = np.sin(np.arange(RATE) / 20).astype(np.float32)
    first, second = (altered(sound, keyed_generator(seed, "altered")) for seed in (1, 2))

    assert first.shape == second.shape == sound.shape
    assert np.isfinite(first).all()
    assert not np.allclose(first, second, atol=0.1)
    assert np.isfinite(altered(np.zeros(RATE, np.float32), keyed_generator(1, "altered"))).all()


def test_heard_and_seen_are_two_performances() -> None:
    name, heard, seen = next(iter(voices(1, seed=1)))
    ((recording, one, other),) = recordings([heard[:RATE]], ["1-7-A"], seed=1)

    assert (name, recording) == ("voice_00000", "1-7-A")
    assert not np.allclose(heard, seen)
    assert not np.allclose(one, other)


def test_clips_are_made_once_and_left_out_of_shards(tmp_path: Path) -> None:
    manifest = write_clips(tmp_path / "voices", voices(3, seed=1))
    shards = build_shards(manifest, tmp_path / "shards", left_out=["voice_00001"])

    (shard,) = open_source(str(shards))
    with tarfile.open(shard) as tar:
        clips = sorted(name for name in tar.getnames() if name.endswith(".mp4"))
    assert clips == ["voice_00000.mp4", "voice_00002.mp4"]
    with manifest.open() as file:
        assert {row["caption"] for row in csv.DictReader(file)} == {"a sound"}
    assert write_clips(tmp_path / "voices", iter(())) == manifest
