"""`align prepare` from the command line: films, annotations and captions to folders that the other verbs read."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from support.exports import make_export
from support.films import SAID, write_film, write_table
from transformers.utils import logging

from vatt_harmony.align.features.vatt import clip_features, text_features
from vatt_harmony.align.prepare_cli import add_prepare
from vatt_harmony.align.prepare_options import PrepareOptions
from vatt_harmony.align.sequence import load_sequences, read_about
from vatt_harmony.errors import UserError
from vatt_harmony.model.loading import load_model


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    add_prepare(parser.add_subparsers())
    options = parser.parse_args(["prepare", *map(str, arguments), "--device", "cpu"])
    return int(options.run_verb(options))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_export(tmp_path_factory.mktemp("export"), audio_text_head=True)[1]


def test_films(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, out = write_table(tmp_path), tmp_path / "out"
    assert run(table, "--out", out, "--encoder", model, "--json", tmp_path / "figures.json") == 0
    (film,) = load_sequences(out / "train")
    encoder = load_model(model)
    spans = film.clips.spans
    assert film.lengths == (5, 4) and film.pairs is not None and film.sentences.texts == SAID
    for mode, found in (("tower", film.clips.features), ("joint", film.clips.joint)):
        np.testing.assert_allclose(found, clip_features(*encoder, tmp_path / "film0.mp4", spans, mode), atol=1e-5)  # type: ignore[arg-type]
    for mode, found in (("tower", film.sentences.features), ("joint", film.sentences.joint)):
        np.testing.assert_allclose(found, text_features(*encoder, SAID, mode), atol=1e-5)  # type: ignore[arg-type]
    about = read_about(out / "val")["features"]
    assert about["clips"] == about["texts"] and about["options"]["mode"] == "tower"
    figures = {f["name"]: f["value"] for f in json.loads((tmp_path / "figures.json").read_text())["figures"]}
    assert figures["test: clips"] == 5 and figures["train: pairs known"] == 4
    assert "tells where each sentence" not in capsys.readouterr().out


def test_sound_is_warned_of_and_an_earlier_run_leaves_no_split_behind(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(write_table(tmp_path), "--out", out, "--encoder", model, "--sound", "--mode", "joint") == 0
    assert "tells where each sentence" in capsys.readouterr().out
    assert (out / "val").is_dir()
    assert run(write_table(tmp_path, ("train",)), "--out", out, "--encoder", model) == 0
    assert [folder.name for folder in out.iterdir() if folder.name != "cache"] == ["train"]


def test_nothing_that_can_be_used_is_status_1(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write_table(tmp_path, ("test",))
    (tmp_path / "film0.mp4").write_bytes(b"")
    assert run(table, "--out", tmp_path / "out", "--encoder", model) == 1
    told = capsys.readouterr().out
    assert "film: container open" in told and "film0.mp4" in told


def test_a_folder_of_films(tmp_path: Path, model: Path) -> None:
    for name in ("one", "two"):
        write_film(tmp_path / f"{name}.mp4", [1.0, 1.0])
    (tmp_path / "one.txt").write_text("a red ball\nrain\n")
    arguments = ("--encoder", model, "--shots", "fixed", "--window", "1", "--json", tmp_path / "figures.json")
    assert run(tmp_path, "--out", tmp_path / "out", *arguments) == 0
    (film,) = load_sequences(tmp_path / "out/test")
    assert film.name == "one" and film.lengths == (2, 2)
    figures = {f["name"]: f["value"] for f in json.loads((tmp_path / "figures.json").read_text())["figures"]}
    assert figures["left out, film: no sentences beside it"] == 1


def test_films_with_given_features_get_a_shared_space_from_training_pairs(tmp_path: Path) -> None:
    table = write_table(tmp_path)
    for number in range(3):
        rows = np.random.default_rng(number)
        np.savez(tmp_path / f"film{number}.npz", clips=rows.random((5, 6)), sentences=rows.random((4, 3)))
    assert run(table, "--out", tmp_path / "out", "--features", tmp_path) == 0
    (film,) = load_sequences(tmp_path / "out/test")
    assert film.clips.features.shape == (5, 6) and film.has_joint
    assert film.clips.joint is not None and film.clips.joint.shape == (5, 3)
    assert "ridge" in read_about(tmp_path / "out/test")["features"]["shared space"]


def test_given_features_that_are_not_finite_stop_it(tmp_path: Path) -> None:
    table = write_table(tmp_path)
    for number in range(3):
        clips = np.ones((5, 6))
        clips[2, 1] = np.nan
        np.savez(tmp_path / f"film{number}.npz", clips=clips, sentences=np.ones((4, 3)))
    with pytest.raises(UserError, match="film0: the features of 1 of 5 clips are not finite"):
        run(table, "--out", tmp_path / "out", "--features", tmp_path)


def test_given_features_of_different_widths_are_refused(tmp_path: Path) -> None:
    table = write_table(tmp_path)
    for number in range(3):
        np.savez(tmp_path / f"film{number}.npz", clips=np.ones((5, 6 + number // 2)), sentences=np.ones((4, 3)))
    with pytest.raises(UserError, match=r"film2 are \[7, 3\] wide, those of film0 \[6, 3\]"):
        run(table, "--out", tmp_path / "out", "--features", tmp_path)


def test_real_films_cut_at_their_sentences(tmp_path: Path, data_root: Path, model: Path) -> None:
    movies = data_root / "grid/movies"
    rows = [f"{movies}/movie_0{n}.mp4,{movies}/movie_0{n}.srt,0,6" for n in (1,)]
    (tmp_path / "films.csv").write_text("\n".join(["path,sentences,start,end", *rows]) + "\n")
    with pytest.raises(UserError, match="begins at"):  # the subtitles go on to 120 s
        run(
            tmp_path / "films.csv",
            "--out",
            tmp_path / "out",
            "--encoder",
            model,
            "--shots",
            "fixed",
            "--times",
            "truth",
        )
    arguments = ("--out", tmp_path / "out", "--encoder", model, "--shots", "fixed", "--window", "1.5")
    assert run(tmp_path / "films.csv", *arguments) == 0
    films = load_sequences(tmp_path / "out/test")
    assert [film.lengths for film in films] == [(4, 40)] and films[0].pairs is None


def test_a_narrated_film_at_its_shots(tmp_path: Path, data_root: Path, model: Path) -> None:
    pytest.importorskip("scenedetect")
    narrated = data_root / "narrated"
    rows = [
        f"{narrated}/hidden-elements.mp4,{narrated}/hidden-elements.vtt",
        f"{narrated}/physicsworks_audio.webm,{narrated}/physicsworks.segments.json",
    ]
    (tmp_path / "films.csv").write_text("\n".join(["path,sentences", *rows]) + "\n")
    out = tmp_path / "out"
    assert (
        run(tmp_path / "films.csv", "--out", out, "--encoder", model, "--times", "truth", "--json", out / "f.json") == 0
    )
    (film,) = load_sequences(out / "test")
    assert film.clips.spans[-1, 1] == pytest.approx(64.32) and film.sentences.texts[0] == "[Léonie Watson]"
    figures = {f["name"]: f["value"] for f in json.loads((out / "f.json").read_text())["figures"]}
    assert figures["left out, film: no video stream"] == 1


def write_captions(folder: Path) -> Path:
    rows = ["video_id,start,end,text"]
    for video in range(10):
        rows += [f"v{video},{10 * n},{10 * n + 8},step {n} of dish {video}" for n in range(4)]
    (folder / "captions.csv").write_text("\n".join(rows) + "\n")
    return folder / "captions.csv"


@pytest.mark.parametrize("variant", ["hm0", "hm1", "hm2", "hm12"])
def test_captions_made_harder(tmp_path: Path, variant: str) -> None:
    table, out = write_captions(tmp_path), tmp_path / "out"
    assert run(table, "--from", "captions", "--out", out, "--noise", "0.5", "--variant", variant) == 0
    splits = {split: load_sequences(out / split) for split in ("train", "val", "test")}
    assert [len(films) for films in splits.values()] == [7, 1, 2]
    films = [film for each in splits.values() for film in each]
    assert len({film.group for film in films}) == 10 and all(film.has_joint for film in films)
    more_clips = any(film.lengths[0] > 4 for film in films)
    fewer_texts = any(film.lengths[1] < 4 for film in films)
    assert (more_clips, fewer_texts) == ("1" in variant, "2" in variant)


def test_captions_with_their_films(tmp_path: Path, model: Path) -> None:
    write_table(tmp_path, ("test",))
    (tmp_path / "captions.csv").write_text(
        "video_id,start,end,text\nfilm0,0,1,a red ball\nfilm0,1.5,3,rain on a roof\n"
    )
    out = tmp_path / "out"
    assert (
        run(tmp_path / "captions.csv", "--from", "captions", "--media", tmp_path, "--out", out, "--encoder", model) == 0
    )
    (film,) = [film for split in ("train", "val", "test") for film in load_sequences(out / split)]
    expected = clip_features(*load_model(model), tmp_path / "film0.mp4", [[0, 1], [1.5, 3]], "tower")
    np.testing.assert_allclose(film.clips.features, expected, atol=1e-5)


def test_yms(tmp_path: Path) -> None:
    times = ["00.00.00.000-00.00.01.000", "00.00.01.000-00.00.02.000", "00.00.02.000-00.00.03.500"]
    videos = ["0000", "0001", "0002", "0003"]
    (tmp_path / "clip_segmentation.txt").write_text("".join(f"{v}/{v}_{time}\n" for v in videos for time in times))
    said = [f"{v}_{time}\tpart {n} of film {v}\n" for v in videos for n, time in enumerate(times[1:])]
    (tmp_path / "annotations_phrases.txt").write_text("".join(said))
    (tmp_path / "splits.json").write_text(json.dumps({"excluded": [], "val": ["0001"], "test": ["0002"]}))
    assert run(tmp_path, "--from", "yms", "--out", tmp_path / "out", "--noise", "1") == 0
    (film,) = load_sequences(tmp_path / "out/val")
    assert film.lengths == (3, 2) and film.pairs is not None and film.pairs.tolist() == [[1, 0], [2, 1]]
    assert film.clips.features.shape[1] == 300 and film.has_joint


def test_tacos(tmp_path: Path) -> None:
    logging.enable_progress_bar()
    told = [f"{verb} the {food}" for food in ("carrot", "fig") for verb in ("cut", "wash", "stir", "serve", "eat")]
    stamps = [[30 * n, 30 * n + 30] for _ in range(2) for n in range(5)]
    for split in ("train", "val", "test"):
        video = {"timestamps": stamps, "sentences": told, "fps": 30.0}
        (tmp_path / f"{split}.json").write_text(json.dumps({f"{split}.avi": video}))
    assert run(tmp_path, "--from", "tacos", "--out", tmp_path / "out", "--width", "100") == 0
    assert not logging.is_progress_bar_enabled()  # none is printed while weights are read
    pair = load_sequences(tmp_path / "out/test")[0]
    assert [stream.features.shape for stream in pair.streams] == [(5, 100), (5, 100)]
    assert pair.group == "test" and pair.pairs is not None and pair.pairs.tolist() == [[n, n] for n in range(5)]
    first, second = (stream.joint for stream in pair.streams)
    assert first is not None and second is not None
    assert (first @ second.T).argmax(axis=1).tolist() == list(range(5))  # they share their verbs


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "Nothing says where clip features come from"),
        ({"encoder": "e", "features": "f"}, "--encoder and --features says"),
        ({"noise": 1.0}, "--noise 1.0 for films"),
        ({"kind": "yms", "encoder": "e"}, "There are no films of these yms"),
        ({"image": "resnet18"}, "--image reads no sentences"),
        ({"features": "f", "keep_media": True}, "--keep-media keeps what --encoder sees"),
        ({"kind": "tacos", "noise": 1.0}, "TACoS has no clips"),
        ({"kind": "captions"}, "Give --noise or --features, or --media"),
        ({"kind": "captions", "encoder": "e"}, "Give --noise or --features in their stead, or --media DIR"),
        ({"encoder": "e", "width": 100}, "--width 100 of features that an encoder makes"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=told):
        PrepareOptions(source=Path("s"), out=Path("o"), **options)  # type: ignore[arg-type]
