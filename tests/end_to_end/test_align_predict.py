"""The verb `align predict` with random weights: what it writes, what it refuses, on made and on real films."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.aligned_film import TEXTS, film_sequence, write_film
from support.aligners import small_aligner

from vatt_harmony import cli
from vatt_harmony.align.sequence import AlignmentSequence, save_sequences


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("aligner")
    small_aligner().save_pretrained(folder)
    return folder


def predict(model: Path, folder: Path, sequences: list[AlignmentSequence], *more: str) -> int:
    save_sequences(folder / "data" / "test", sequences)
    return cli.main(["align", "predict", str(model), str(folder / "data"), "--out", str(folder / "out"), *more])


def test_every_sequence_has_its_files_and_all_have_one_page(model, tmp_path):
    film = write_film(tmp_path / "film.mp4")
    sequences = [film_sequence("one", film), film_sequence("two", film, known=False)]
    assert predict(model, tmp_path, sequences, "--json", str(tmp_path / "figures.json")) == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("*.json")) == ["one.json", "two.json"]
    told = json.loads((tmp_path / "out" / "one.json").read_text())
    assert told["media"] == "../film.mp4"
    owned = {clip: place for place, item in enumerate(told["sentences"]) for clip in item["clips"]}
    for place, clip in enumerate(told["clips"]):
        assert clip["null"] == (place in told["null_clips"]) == (place not in owned)
        assert clip["null"] or (clip["sentences"] == [owned[place]] and 0 < clip["probability"] <= 1)
    assert [item["text"] for item in told["sentences"]] == list(TEXTS)
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count("data-sequence=") - page.count("[data-sequence=") == 2
    assert page.count('data-film="0"') == 1  # both sequences are of one film
    assert str(tmp_path) not in page
    figures = {row["id"]: row for row in json.loads((tmp_path / "figures.json").read_text())["figures"]}
    assert figures["predict.sequences"]["value"] == 2 and figures["predict.accuracy"]["n"] == 1


@pytest.mark.parametrize("method", [("--method", "beam", "--beam", "3"), ("--beam", "2"), ("--method", "greedy")])
def test_ways_of_decoding_and_a_page_without_films(model, tmp_path, method):
    assert predict(model, tmp_path, [film_sequence(media=tmp_path / "gone.mp4")], *method, "--no-media") == 0
    assert 'data-film="0"' not in (tmp_path / "out" / "index.html").read_text()


def test_a_film_that_is_gone_is_told_and_the_page_made(model, tmp_path, capsys):
    assert predict(model, tmp_path, [film_sequence(media=tmp_path / "gone.mp4")]) == 0
    assert "films left out of the page, not found: 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--split", "val"), "holds no prepared sequences"),
        (("--method", "exact"), "no dynamic programming"),
        (("--beam", "0"), "from 1 on"),
        (("--method", "greedy", "--beam", "4"), "from 1 on"),
    ],
)
def test_mistakes_are_one_message(model, tmp_path, capsys, more, told):
    assert predict(model, tmp_path, [film_sequence()], *more) == 2
    assert told in capsys.readouterr().err


def test_a_folder_without_aligner_is_refused(tmp_path, capsys):
    assert predict(tmp_path, tmp_path, [film_sequence()]) == 2
    assert "no trained aligner" in capsys.readouterr().err


def test_a_real_film_with_its_sentences(model, tmp_path, data_root):
    movies = data_root / "grid" / "movies"
    if not (movies / "movie_01.truth.json").is_file():
        pytest.skip("no films among the real media")
    truth = json.loads((movies / "movie_01.truth.json").read_text())
    spans = np.array([[item["clip_start"], item["clip_end"]] for item in truth])
    said = np.array([[item["start"], item["end"]] for item in truth])
    made = film_sequence("movie_01", movies / "movie_01.mp4")
    features = np.random.default_rng(0).normal(size=(len(truth), 6)).astype(np.float32)
    clips = replace(made.clips, spans=spans, features=features)
    sentences = replace(made.sentences, spans=said, features=features, texts=tuple(item["sentence"] for item in truth))
    pairs = np.repeat(np.arange(len(truth))[:, None], 2, axis=1)
    assert predict(model, tmp_path, [replace(made, streams=(clips, sentences), pairs=pairs)]) == 0
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count('data-film="0"') == 1
    told = json.loads((tmp_path / "out" / "movie_01.json").read_text())
    assert len(told["clips"]) == len(truth) and told["sentences"][0]["true_times"]["start"] == said[0, 0]
