"""Manifests: three kinds read alike, every mistake named with its row."""

import json
import math
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from tests.unit.shards.conftest import write_csv
from vatt_harmony.errors import UserError
from vatt_harmony.media.captions import Caption
from vatt_harmony.shards.manifest import read_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.mp4", "b.mp4", "c.srt"):
        (tmp_path / name).write_text("")
    return tmp_path


def test_csv_json_lines_and_parquet_give_the_same_rows(folder: Path) -> None:
    captions = ["whole", {"text": "part", "start": 1, "end": 2}]
    write_csv(
        folder / "m.csv",
        [
            {"path": "a.mp4", "captions": json.dumps(captions), "start": 0.5, "end": 3, "label": "x"},
            {"path": "b.mp4", "captions_path": "c.srt", "split": "test"},
        ],
    )
    rows = [
        {"path": "a.mp4", "captions": captions, "start": 0.5, "end": 3.0, "label": "x"},
        {"path": "b.mp4", "captions_path": "c.srt", "split": "test"},
    ]
    (folder / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    rows[0]["captions"] = json.dumps(captions)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, _schema()), folder / "m.parquet")
    read = [
        [(r.path, r.captions, r.captions_path, r.start, r.end, r.label, r.split, r.video_id, r.source) for r in rows]
        for rows in (read_manifest(folder / f"m.{kind}") for kind in ("csv", "jsonl", "parquet"))
    ]
    assert read[0] == read[1] == read[2]
    first = (Caption("whole", 0.0, math.inf), Caption("part", 1.0, 2.0))
    assert read[0][0] == (folder / "a.mp4", first, None, 0.5, 3.0, "x", "train", "a", "m")
    assert read[0][1] == (folder / "b.mp4", (), folder / "c.srt", None, None, None, "test", "b", "m")


def _schema() -> pyarrow.Schema:
    text = ("path", "captions", "label", "captions_path", "split")
    return pyarrow.schema([(n, pyarrow.string()) for n in text] + [(n, pyarrow.float64()) for n in ("start", "end")])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"file_path": "a.mp4", "caption": "x"}], r"no column 'path'; it has file_path, caption.*Rename 'file_path'"),
        ([{"path": "a.mp4", "start": "soon"}], "row 2: start is 'soon'"),
        ([{"path": "a.mp4"}, {"path": "b.mp4", "start": 3, "end": 2}], "row 3: end 2 s is not after start 3 s"),
        ([{"path": "a.mp4", "start": -1}], r"row 2: start is -1.0, outside"),
        ([{"path": "a.mp4", "end": "nan"}], "row 2: end is nan"),
        ([{"path": "a.mp4", "captions": '[{"text": "x", "start": 2, "end": 1}]'}], "row 2.*from 2.0 s to 1.0 s"),
        ([{"path": "a.mp4", "captions": '[{"tex": "x"}]'}], "row 2"),
        ([{"path": ""}], "row 2: path is empty"),
        ([{"path": "a.mp4", "text": "x"}], "column 'text' and none 'caption'.*Rename it to 'caption'"),
        ([{"path": "a.mp4", "Caption": "x"}], "Rename it to 'caption'"),
        ([{"path": "a.mp4", "caption": "x", " starts": "1"}], "Rename it to 'start'"),
        ([{"path": f"no{i}.mp4"} for i in range(9)], r"names 9 files that do not exist: .*no0.mp4 \(row 2\).*…"),
        ([{"path": "a.mp4", "captions_path": "no.srt"}], "names 1 files"),
        (
            [{"path": "a.mp4", "video_id": "v"}, {"path": "b.mp4", "video_id": "v", "split": "test"}],
            r"'v' is in split 'train' \(row 2\) and in split 'test' \(row 3\)",
        ),
        (
            [{"path": "a.mp4", "video_id": "v"}, {"path": "a.mp4", "video_id": "w", "split": "test"}],
            "in split 'train'",
        ),
    ],
)
def test_mistakes_are_named(folder: Path, rows: list[dict[str, object]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_manifest(write_csv(folder / "m.csv", rows))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.csv", "path,caption\n", "has no rows"),
        ("m.csv", "", "has no rows"),
        ("m.jsonl", '{"path": "a.mp4"', "cannot be read as jsonl"),
        ("m.jsonl", "[1]", "line 1 is not a JSON object"),
        ("m.parquet", "no parquet", "cannot be read as parquet"),
        ("m.csv", "path,caption\na.mp4,x\n\na.mp4,one, two\n", "row 4 has 3 fields, the header has 2.*Quote the capt"),
        ("m.csv", "path,caption,label\na.mp4,x\n", "row 2 has 2 fields, the header has 3"),
        ("m.tsv", "path\tcaption\na.mp4\tx\ty\n", "row 2 has 3 fields.*holds a tab"),
        ("m.jsonl", '{"path": "a.mp4", "caption": ["x", "y"]}', "row 1: caption is .*Name the column 'captions'"),
        ("m.jsonl", '{"path": "a.mp4"}\n{"path": "a.mp4", "caption": 7}', "row 2: caption is 7, a int"),
        ("m.txt", "a.mp4", "no known kind of manifest"),
    ],
)
def test_files_that_are_no_manifest(folder: Path, name: str, content: str, message: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(UserError, match=message):
        read_manifest(folder / name)


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_manifest(tmp_path / "none.csv")


def test_columns_that_mean_nothing_here_are_told_once_and_ignored(folder: Path) -> None:
    told: list[str] = []
    rows = [{"path": "a.mp4", "caption": "x", "url": "u", "text": "y"}, {"path": "b.mp4"}]
    assert read_manifest(write_csv(folder / "m.csv", rows), told.append)[0].captions == (Caption("x"),)
    assert told == ["ignored columns: url, text"]


def test_captions_of_a_long_film_fit_a_field(folder: Path) -> None:
    long = "word " * 40000
    row = read_manifest(write_csv(folder / "m.csv", [{"path": "a.mp4", "caption": long}]))[0]
    assert row.captions[0].text == long.strip()
