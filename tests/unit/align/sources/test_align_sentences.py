"""Sentence files of every kind: texts in order, times where they are known, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from vatt_harmony.align.sources.sentences import read_sentences
from vatt_harmony.errors import UserError

NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "text", "texts", "spans"),
    [
        ("a.srt", "1\n00:00:00,630 --> 00:00:02,060\nbin <i>green</i>\n\n2\n00:00:03,3 --> 00:00:04,62\nlay\nwhite\n",
         ("bin green", "lay white"), [(0.63, 2.06), (3.3, 4.62)]),
        ("a.vtt", "WEBVTT\n\n00:09.000 --> 00:10.500\n[music]\n", ("[music]",), [(9.0, 10.5)]),
        ("a.json", '["one", {"text": "two", "start": 1, "end": 2}, {"text": " "}]', ("one", "two", ""),
         [(NAN, NAN), (1.0, 2.0), (NAN, NAN)]),
        ("a.csv", "text,start,end\n\"one, two\",0.5,1\n,,\nthree,,\n", ("one, two", "", "three"),
         [(0.5, 1.0), (NAN, NAN), (NAN, NAN)]),
        ("a.txt", "\ufeffone\n\ntwo  words\n", ("one", "", "two words"), [(NAN, NAN)] * 3),
        ("empty.json", "[]", (), []),
    ],
)  # fmt: skip
def test_kinds(tmp_path: Path, name: str, text: str, texts: tuple[str, ...], spans: list[tuple[float, float]]) -> None:
    (tmp_path / name).write_text(text)
    read = read_sentences(tmp_path / name)
    assert read.texts == texts
    np.testing.assert_array_equal(read.spans, np.array(spans).reshape(-1, 2))


def test_subtitles_of_real_films(data_root: Path) -> None:
    srt, vtt = (
        read_sentences(data_root / name) for name in ("grid/movies/movie_01.srt", "narrated/hidden-elements.vtt")
    )
    assert len(srt.texts) == 40 and srt.texts[0] == "bin green in a four please"
    assert vtt.texts[0] == "[Léonie Watson]" and vtt.spans[0].tolist() == [9.0, 10.0]
    segments = read_sentences(data_root / "narrated/physicsworks.segments.json")
    assert segments.spans[1].tolist() == [6.48, 9.1] and (np.diff(segments.spans, axis=1) > 0).all()


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.docx", "one", "no known kind"),
        ("missing.txt", None, "cannot be read"),
        ("a.json", "[1", "line 1 is no JSON"),
        ("a.json", "[3]", "item 1"),
        ("a.json", '["one", {"text": "two", "start": 2, "end": 1}]', "item 2"),
        ("a.csv", "sentence\none\n", "no column 'text' but sentence"),
        ("a.csv", "text,start,end\none,x,2\n", "no numbers"),
        ("a.srt", "one\n", "-->"),
    ],
)
def test_refused(tmp_path: Path, name: str, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=told):
        read_sentences(tmp_path / name)
