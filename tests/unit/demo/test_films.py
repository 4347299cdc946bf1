"""Plans of the demo's films, and the sequences and media that are made from them."""

from pathlib import Path

import numpy as np
import pytest
from support.exports import SENTENCES, make_export, write_clip

from vatt_harmony.align.sequence import NULL
from vatt_harmony.demo.film_sequences import Encoder, write_film
from vatt_harmony.demo.films import CLIPS, FilmPlan, plan_films
from vatt_harmony.demo.truth import Clip
from vatt_harmony.media.decode import probe
from vatt_harmony.model.loading import load_model
from vatt_harmony.randomness import keyed_generator

CAPTIONS = {f"clip {number}": [f"{number} first", f"{number} second"] for number in range(30)}


@pytest.mark.parametrize("films", [None, 40])
def test_every_film_has_clips_in_order_with_a_caption_of_their_own(films):
    plans = plan_films("made", CAPTIONS, keyed_generator(0, "films"), films)
    assert len({plan.name for plan in plans}) == len(plans) == (films or -(-len(CAPTIONS) // CLIPS))
    for plan in plans:
        told = [owner for owner in plan.owners if owner != NULL]
        assert told and told == sorted(set(told)) and told[-1] < len(plan.sentences)
        for clip, owner in zip(plan.clips, plan.owners, strict=True):
            assert owner == NULL or plan.sentences[owner] in CAPTIONS[clip]
        silent = {sentence for place, sentence in enumerate(plan.sentences) if place not in told}
        assert not any(sentence in CAPTIONS[clip] for clip in plan.clips for sentence in silent)
    owners = [owner for plan in plans for owner in plan.owners]
    assert 0 < owners.count(NULL) < len(owners) / 2
    assert sum(len(plan.sentences) for plan in plans) > len(owners) - owners.count(NULL)  # some sentences lie


def test_without_a_number_every_clip_is_in_one_film():
    plans = plan_films("made", CAPTIONS, keyed_generator(0, "films"))
    assert sorted(clip for plan in plans for clip in plan.clips) == sorted(CAPTIONS)


def test_the_same_generator_gives_the_same_films():
    one, other = (plan_films("made", CAPTIONS, keyed_generator(3, "films"), 5) for _ in range(2))
    assert one == other != plan_films("made", CAPTIONS, keyed_generator(4, "films"), 5)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Clip]:
    folder = tmp_path_factory.mktemp("clips")
    return {
        name: Clip(path=write_clip(folder / f"{name}.mp4", seed), captions=(), fault="", unseen=False)
        for seed, name in enumerate("abc")
    }


FILM = FilmPlan(name="film", clips=("b", "a", "c"), sentences=tuple(SENTENCES[:3]), owners=(0, NULL, 2))


def test_a_film_becomes_a_sequence_of_shots_with_both_kinds_of_features(clips, tmp_path):
    make_export(tmp_path)
    encoder = Encoder(*load_model(tmp_path / "model"), clips, seed=0)
    encoder.read([FILM])
    sequence = encoder.sequence(FILM, Path("film.mp4"))
    shots = [len(encoder.spans(clip)) for clip in FILM.clips]
    assert sequence.lengths == (sum(shots), 3)
    assert sequence.labels.tolist() == [0] * shots[0] + [NULL] * shots[1] + [2] * shots[2]
    np.testing.assert_allclose(sequence.clips.spans[1:, 0], sequence.clips.spans[:-1, 1])
    assert sequence.clips.spans[-1, 1] == pytest.approx(4.5)
    np.testing.assert_allclose(sequence.sentences.spans, [[0, 1.5], [np.nan, np.nan], [3, 4.5]])
    assert sequence.has_joint and sequence.clips.joint.shape[1] == sequence.sentences.joint.shape[1]
    for stream in sequence.streams:
        np.testing.assert_allclose(np.linalg.norm(stream.features, axis=1), 1, atol=1e-5)
    again = encoder.sequence(FilmPlan(name="other", clips=("a",), sentences=SENTENCES[2:3], owners=(0,)))
    np.testing.assert_array_equal(again.clips.features, sequence.clips.features[shots[0] : shots[0] + shots[1]])
    np.testing.assert_array_equal(again.sentences.joint[0], sequence.sentences.joint[2])


def test_a_film_is_written_as_long_as_its_clips_together(clips, tmp_path):
    path = write_film(FILM, clips, tmp_path / "films" / "film.mp4")
    info = probe(path)
    assert info.has_video and info.has_audio and info.common[1] == pytest.approx(4.5, abs=0.15)
