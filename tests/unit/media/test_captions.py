"""Caption files: formats, markup, and times that cannot be."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatt_harmony.errors import UserError
from vatt_harmony.media.captions import Caption, parse_inline, parse_json, parse_subtitles, read_captions

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Hello</i> &amp; welcome,
dear  friends

2
00:01:00,000 --> 01:00:00,250
{\\an8}again
"""
VTT = """WEBVTT - a title

NOTE two lines
00:99 --> nothing

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.500 align:start position:0%
<v Anna>Hello <00:01.500>there

00:00:03.000 --> 00:00:04.000

"""


def test_srt() -> None:
    assert parse_subtitles(SRT, "a.srt") == [
        Caption("Hello & welcome, dear friends", 1.0, 2.5),
        Caption("again", 60.0, 3600.25),
    ]


def test_vtt_skips_notes_styles_and_empty_cues() -> None:
    assert parse_subtitles(VTT, "a.vtt") == [Caption("Hello there", 1.0, 2.5)]


def test_json_and_inline() -> None:
    items = [{"text": "one", "start": 0, "end": 1.5}, {"text": "two"}, "three", " "]
    expected = [Caption("one", 0.0, 1.5), Caption("two", 0.0, math.inf), Caption("three", 0.0, math.inf)]
    assert parse_json(json.dumps(items), "a.json") == expected
    assert parse_inline(json.dumps(items), "row 1") == expected
    assert parse_inline("a plain sentence", "row 1") == [Caption("a plain sentence")]
    assert parse_inline("[music] plays", "row 1") == [Caption("[music] plays")]
    assert parse_inline("", "row 1") == []


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("late.srt", "1\n00:00:05,000 --> 00:00:04,000\nx\n", "line 2"),
        ("letters.srt", "\n1\n00:00:aa,000 --> 00:00:04,000\nx\n", "line 3"),
        ("minus.vtt", "WEBVTT\n\n-00:00:01.000 --> 00:00:04.000\nx\n", "line 3"),
        ("open.vtt", "WEBVTT\n\n00:00:01.000 -->\nx\n", "line 3"),
        ("prose.srt", "once upon a time\n", "line 1"),
        ("broken.json", '[\n{"text": "x",\n', "line 3"),
        ("times.json", '[{"text": "x", "start": 2, "end": 1}]', "item 1"),
        ("minus.json", '["ok", {"text": "x", "start": -2}]', "item 2"),
        ("word.json", '[{"text": "x", "start": "soon"}]', "item 1"),
        ("nan.json", '[{"text": "x", "start": NaN}]', "item 1"),
        ("number.json", "[3]", "item 1"),
    ],
)
def test_bad_captions_are_refused_by_file_and_line(tmp_path: Path, name: str, text: str, line: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_captions(path)
    assert name in str(caught.value) and line in str(caught.value)


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes.srt").write_bytes(b"\xff\xfe\x00\x81")
    for name in ("absent.srt", "bytes.srt"):
        with pytest.raises(UserError, match=name):
            read_captions(tmp_path / name)


@given(st.lists(st.tuples(st.text("abc xyz", min_size=1), st.integers(0, 9**6), st.integers(0, 9**6)), max_size=8))
def test_srt_round_trip(cues: list[tuple[str, int, int]]) -> None:
    def clock(ms: int) -> str:
        return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"

    cues = [(text, start, start + length) for text, start, length in cues if text.strip()]
    written = "\n".join(f"{n}\n{clock(s)} --> {clock(e)}\n{t}\n" for n, (t, s, e) in enumerate(cues, 1))
    read = parse_subtitles(written, "x.srt")
    assert [item.text for item in read] == [" ".join(text.split()) for text, _, _ in cues]
    assert [(item.start, item.end) for item in read] == [
        (pytest.approx(start / 1000), pytest.approx(end / 1000)) for _, start, end in cues
    ]
