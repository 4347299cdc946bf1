"""Sequences on disk: what is written is read, and nothing else is taken for one."""

import json
from pathlib import Path

import numpy as np
import pytest

from vatt_harmony.align.sequence import (
    AlignmentSequence,
    Stream,
    load_sequences,
    owners_of,
    pairs_of,
    read_about,
    save_sequences,
)
from vatt_harmony.errors import UserError


def film(name: str = "a film", joint: bool = True) -> AlignmentSequence:
    rng = np.random.default_rng(0)

    def stream(kind: str, count: int, texts: tuple[str, ...]) -> Stream:
        return Stream(
            name=kind,
            spans=np.sort(rng.random((count, 2)), axis=1),
            features=rng.random((count, 4), dtype=np.float32),
            texts=texts,
            joint=rng.random((count, 3), dtype=np.float32) if joint else None,
        )

    return AlignmentSequence(
        name=name,
        group="films/é",
        streams=(stream("clips", 3, ()), stream("sentences", 2, ("«Ça va?»", ""))),
        pairs=np.array([[0, 0], [2, 1]]),
        media="../film.mp4",
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    save_sequences(tmp_path, [film(), film("b", joint=False)], {"encoder": "abc"})
    first, second = load_sequences(tmp_path)
    for read, written in ((first, film()), (second, film("b", joint=False))):
        assert (read.name, read.group, read.media) == (written.name, written.group, written.media)
        np.testing.assert_array_equal(read.pairs, written.pairs)
        for one, other in zip(read.streams, written.streams, strict=True):
            assert (one.name, one.texts) == (other.name, other.texts)
            np.testing.assert_array_equal(one.features, other.features)
            np.testing.assert_array_equal(one.spans, other.spans)
            assert (one.joint is None) == (other.joint is None)
    assert first.has_joint and not second.has_joint
    assert read_about(tmp_path)["features"] == {"encoder": "abc"}


def test_a_clip_of_several_sentences_belongs_to_the_first() -> None:
    owners = owners_of(np.array([[0, 0], [0, 1], [2, 1]]), 4)
    assert owners.tolist() == [0, -1, 1, -1]
    assert pairs_of(owners).tolist() == [[0, 0], [2, 1]]


def test_other_folders_and_versions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no prepared sequences"):
        load_sequences(tmp_path)
    (tmp_path / "sequences.json").write_text(json.dumps({"format": 99, "sequences": []}))
    with pytest.raises(UserError, match="format 99"):
        load_sequences(tmp_path)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    save_sequences(tmp_path, [film()])
    file = tmp_path / "000000.npz"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match=r"000000\.npz cannot be read"):
        load_sequences(tmp_path)
