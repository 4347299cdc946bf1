"""Tables of films: clips, sentences, truth and splits, and what is wrong with some."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.films import SAID, write_film, write_table

from vatt_harmony.align.features.shots import fixed_windows
from vatt_harmony.align.sequence import AlignmentSequence, Floats
from vatt_harmony.align.sources.films import Splits, read_films
from vatt_harmony.downstream.items import Failures
from vatt_harmony.errors import UserError


def seconds(path: Path, start: float, end: float) -> Floats:
    return fixed_windows(path, 1.0, start, end)


def films(table: Path, **options: bool) -> Splits:
    failures = Failures()
    read = read_films(table, seconds, failures, **options)
    assert not failures.counts
    return read


def only(table: Path, **options: bool) -> AlignmentSequence:
    (film,) = films(table, **options)["test"]
    return film


def write(folder: Path, columns: str, *rows: str) -> Path:
    if not (folder / "film.mp4").exists():
        write_film(folder / "film.mp4", [1.0, 1.0, 1.0])
    (folder / "films.csv").write_text("\n".join([columns, *rows]) + "\n")
    return folder / "films.csv"


def test_a_table_with_truth(tmp_path: Path) -> None:
    splits = films(write_table(tmp_path))
    assert list(splits) == ["train", "val", "test"]
    film = splits["train"][0]
    assert film.name == "film0" and film.media == str((tmp_path / "film0.mp4").resolve())
    assert film.lengths == (5, 4) and film.sentences.texts == SAID
    assert film.pairs is not None and film.pairs.tolist() == [[0, 0], [2, 1], [3, 2], [4, 2]]
    assert np.isnan(film.sentences.spans[3]).all() and film.clips.spans[1].tolist() == [1.0, 1.5]


def test_times_of_sentences_are_truth_only_when_they_are_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "s.srt").write_text("1\n00:00:00,900 --> 00:00:02,200\none\n\n2\n00:00:02,300 --> 00:00:02,500\ntwo\n")
    table = write(tmp_path, "path,sentences", "film.mp4,s.srt")
    unknown, known = only(table), only(table, times_are_truth=True)
    assert unknown.pairs is None and np.isnan(unknown.sentences.spans).all()
    assert known.sentences.spans[0].tolist() == [0.9, 2.2]
    # The second covers 0.2 s of the last clip: not more than half.
    assert known.pairs is not None and known.pairs.tolist() == [[1, 0]]


def test_start_and_end_and_parts_of_one_film(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("one\n")
    table = write(tmp_path, "path,sentences,start,end", "film.mp4,s.txt,,1.2", "film.mp4,s.txt,1.2,")
    first, second = films(table)["test"]
    assert first.group == second.group and first.name != second.name
    assert first.clips.spans.tolist() == [[0.0, 1.2]]
    np.testing.assert_allclose(second.clips.spans, [[1.2, 2.2], [2.2, 3.0]])


def test_a_film_that_cannot_be_read_is_counted(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("one\n")
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    table = write(tmp_path, "path,sentences", "broken.mp4,s.txt", "film.mp4,s.txt")
    failures = Failures()
    assert len(read_films(table, seconds, failures)["test"]) == 1
    assert dict(failures.counts) == {"film: container open": 1}
    assert failures.first["film: container open"].endswith("broken.mp4")


def test_a_folder_of_films_with_their_sentences_beside_them(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        write_film(tmp_path / f"{name}.mp4", [1.0])
    (tmp_path / "one.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nfrom one\n")
    (tmp_path / "one.truth.json").write_text("[]")  # anybody's: no truth of ours
    (tmp_path / "two.txt").write_text("from two\nand more\n")
    failures = Failures()
    splits = read_films(tmp_path, seconds, failures)
    assert {split: [film.name for film in films] for split, films in splits.items()} == {"test": ["one", "two"]}
    assert [film.sentences.texts for film in splits["test"]] == [("from one",), ("from two", "and more")]
    assert all(film.pairs is None for film in splits["test"])
    assert dict(failures.counts) == {"film: no sentences beside it": 1}
    assert failures.first["film: no sentences beside it"].endswith("three.mp4")


def test_a_folder_of_real_films(data_root: Path) -> None:
    read = films(data_root / "grid/movies")
    assert list(read) == ["test"] and [film.name for film in read["test"]] == [f"movie_0{n}" for n in range(1, 5)]
    assert all(film.lengths[1] == 40 and film.pairs is None for film in read["test"])


def test_a_folder_without_films_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nfrom one\n")
    with pytest.raises(UserError, match="holds no film"):
        films(tmp_path)


@pytest.mark.parametrize(
    ("columns", "rows", "told"),
    [
        ("path", ["film.mp4"], "not path and sentences"),
        ("path,sentences,titles", ["film.mp4,s.txt,x"], "column 'titles' is not known"),
        ("path,sentences,split", ["film.mp4,s.txt,dev"], "split is 'dev'"),
        ("path,sentences,split", ["film.mp4,s.txt,train", "film.mp4,s.txt,test"], "in train and in test"),
        ("path,sentences,start", ["film.mp4,s.txt,soon"], "'soon' is no number"),
        ("path,sentences,start", ["film.mp4,s.txt,7"], "none in the part"),
        ("path,sentences", ["film.mp4,none.txt"], "cannot be read"),
        ("path,sentences", ["film.mp4"], "row 2: it has no path or no sentences"),
    ],
)
def test_tables_that_are_wrong(tmp_path: Path, columns: str, rows: list[str], told: str) -> None:
    (tmp_path / "s.txt").write_text("one\n")
    with pytest.raises(UserError, match=told):
        films(write(tmp_path, columns, *rows))


@pytest.mark.parametrize(
    ("truth", "told"),
    [
        ({"spans": [[0, 1]]}, "1 spans, and the film 2 sentences"),
        ({"pairs": [[0, 0]]}, "pairs but no clips"),
        ({"clips": [[0, 1]], "pairs": [[0, 2]]}, "not one of 1 clips and 2 sentences"),
        ({"clips": [[1, 1]]}, "does not end after it begins"),
        ({"clips": [[0]]}, "cannot be read"),
        ([{"clip": 0, "start": 0.6}], "it is a list, not a mapping with some of clips, spans, pairs"),
        ({"clip": [[0, 1]]}, "its key 'clip' is not known .did you mean 'clips'"),
        ({"clips": [[0, 1]], "zzz": 1}, "its key 'zzz' is not known .known are clips, spans, pairs"),
        ({"spans": [[5, 6], None]}, "Sentence 0 of .* begins at 5.000 s"),
    ],
)
def test_truths_that_are_wrong(tmp_path: Path, truth: object, told: str) -> None:
    (tmp_path / "s.txt").write_text("one\ntwo\n")
    (tmp_path / "t.json").write_text(json.dumps(truth))
    with pytest.raises(UserError, match=told):
        films(write(tmp_path, "path,sentences,truth", "film.mp4,s.txt,t.json"))
