"""Features of clips and sentences by an exported encoder: windows, spaces, sound, chunks of words."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from support.exports import make_export
from support.films import write_film

from vatt_harmony.align.features.vatt import clip_features, encode_clips, text_features, token_chunks
from vatt_harmony.align.features.windows import Cut, every_cut, read_cuts
from vatt_harmony.errors import UserError
from vatt_harmony.media.errors import MediaError
from vatt_harmony.model.hf import VattModel
from vatt_harmony.model.loading import load_model
from vatt_harmony.model.processor import VattProcessor

SHOTS = [1.0, 0.5, 2.5]
SPANS = [[0.0, 1.0], [1.0, 1.5], [1.5, 4.0]]
Encoder = tuple[VattModel, VattProcessor]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", SHOTS)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return load_model(make_export(tmp_path_factory.mktemp("export"), audio_text_head=True)[1])


def cuts(encoder: Encoder, film: Path, **options: object) -> list[Cut]:
    return list(every_cut(read_cuts(film, SPANS, encoder[1], **options)))  # type: ignore[arg-type]


def test_a_short_clip_repeats_its_own_frames_and_a_long_one_gives_several_windows(encoder: Encoder, film: Path) -> None:
    one, short, long = cuts(encoder, film)
    assert [len(cut.video) for cut in (one, short, long)] == [1, 1, 3]
    # Half a second at 4 frames a second: two pictures, twice.
    assert (short.video[0, :2] == short.video[0, 2:]).all() and (short.video[0, 0] != short.video[0, 1]).any()
    whole = next(every_cut(read_cuts(film, [[1.0, 4.0]], encoder[1])))
    assert (whole.video[0, :2] == short.video[0, :2]).all() and (whole.video[0, 2:] != short.video[0, 2:]).any()


def test_stretch_shows_every_moment_and_context_the_surroundings(encoder: Encoder, film: Path) -> None:
    stretched = cuts(encoder, film, short="stretch")[1].video[0]
    assert all((a != b).any() for a, b in itertools.pairwise(stretched))
    around = cuts(encoder, film, short="context")[1].video[0]
    window = next(every_cut(read_cuts(film, [[0.75, 1.75]], encoder[1]))).video[0]
    assert (around == window).all()


def test_a_clip_of_a_single_frame_and_one_outside_the_film(encoder: Encoder, film: Path) -> None:
    single, outside = read_cuts(film, [[1.0, 1.01], [9.0, 9.5]], encoder[1])
    assert isinstance(single, Cut) and (single.video[0] == single.video[0, :1]).all()
    assert isinstance(outside, MediaError) and outside.reason == "too short"
    with pytest.raises(MediaError):
        clip_features(*encoder, film, [[9.0, 9.5]])


def test_joint_features_are_those_of_the_model_in_the_space_of_text(encoder: Encoder, film: Path) -> None:
    model, processor = encoder
    found = clip_features(model, processor, film, SPANS, "joint")
    with torch.no_grad():
        expected = model(video=torch.from_numpy(cuts(encoder, film)[0].video)).video_vt
    torch.testing.assert_close(torch.from_numpy(found[:1]), expected)
    assert found.shape[1] == text_features(model, processor, ["rain"], "joint").shape[1]


def test_a_long_clip_is_the_mean_over_its_windows(encoder: Encoder, film: Path) -> None:
    model, processor = encoder
    windows = torch.from_numpy(cuts(encoder, film)[2].video)
    with torch.no_grad():
        raw = model.get_video_features(windows, normalize=False).mean(dim=0)
    found = clip_features(model, processor, film, SPANS, "joint")[2]
    np.testing.assert_allclose(found, raw / raw.norm(), atol=1e-6)


@pytest.mark.parametrize("mode", ["joint", "tower"])
@pytest.mark.parametrize("sound", [False, True])
def test_unit_vectors_that_do_not_depend_on_the_batch(encoder: Encoder, film: Path, mode: str, sound: bool) -> None:
    one, all_at_once = (clip_features(*encoder, film, SPANS, mode, sound, batch=batch) for batch in (1, 8))  # type: ignore[arg-type]
    np.testing.assert_allclose(one, all_at_once, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-5)


def test_sound_changes_what_is_heard_and_silence_changes_nothing(encoder: Encoder, film: Path, tmp_path: Path) -> None:
    silent = write_film(tmp_path / "silent.mp4", [1.0], silent=[0])
    for path, spans, changes in ((film, SPANS, True), (silent, [[0.0, 1.0]], False)):
        seen, heard = (clip_features(*encoder, path, spans, "joint", sound) for sound in (False, True))
        assert (np.abs(seen - heard).max(axis=1) > 1e-3).all() == changes
        assert changes or np.abs(seen - heard).max() < 1e-6


def test_without_sound_a_film_is_read_to_the_end_of_its_picture(data_root: Path, encoder: Encoder) -> None:
    film = data_root / "narrated/hidden-elements.mp4"  # picture to 64.3 s, sound to 58.8 s
    assert clip_features(*encoder, film, [[60.0, 62.0]]).shape == (1, 8)


def test_many_words_become_chunks_of_about_equal_length(encoder: Encoder) -> None:
    model, processor = encoder
    few, many = token_chunks(processor, ["a dog", "a dog barks loudly rain on a roof"])
    assert few.shape == (1, 6) and (few == processor.encode(["a dog"])).all()
    lengths = (many != 0).sum(1)
    assert len(many) > 1 and lengths.max() <= 6 and lengths.max() - lengths.min() <= 1
    assert (many[0, : lengths[0]] == processor.encode(["a dog barks loudly rain on a roof"])[0, : lengths[0]]).all()
    with torch.no_grad():
        raw = model.get_text_features(many, normalize=False).mean(dim=0)
    found = text_features(model, processor, ["a dog barks loudly rain on a roof"])[0]
    np.testing.assert_allclose(found, raw / raw.norm(), atol=1e-6)


def test_an_encoder_that_lacks_a_space_and_one_in_training_mode_are_refused(
    encoder: Encoder, film: Path, tmp_path: Path
) -> None:
    deaf = load_model(make_export(tmp_path)[1])
    with pytest.raises(UserError, match="no audio-text head"):
        clip_features(*deaf, film, SPANS, sound=True)
    deaf[0].config.trained_pairs = ["video_audio"]
    with pytest.raises(UserError, match="not on video_text"):
        clip_features(*deaf, film, SPANS)
    try:
        with pytest.raises(ValueError, match="training mode"):
            encode_clips(encoder[0].train(), cuts(encoder, film))
    finally:
        encoder[0].eval()


def test_gradient_with_recomputation_is_the_plain_gradient(encoder: Encoder, film: Path) -> None:
    model, clips = encoder[0], cuts(encoder, film)
    weight = model.vatt.tokens["video"].embed.weight
    (found,) = torch.autograd.grad(encode_clips(model, clips, batch=2).joint[:, 0].sum(), [weight])
    windows = [torch.from_numpy(cut.video) for cut in clips]
    raw = [model.get_video_features(each, normalize=False).mean(dim=0) for each in windows]
    (expected,) = torch.autograd.grad(sum(each[0] / each.norm() for each in raw), [weight])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)
    assert found.abs().max() > 0
