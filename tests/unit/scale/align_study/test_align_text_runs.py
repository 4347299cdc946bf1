"""Runs of the studies on text, on made data."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vatt_harmony.scale.align_study import text_protocol, text_runs
from vatt_harmony.scale.align_study.text_data import load, tacos, with_joint
from vatt_harmony.scale.align_study.text_protocol import POSITIONS, PUBLISHED, SMALL, WINDOW, Job, Size, config_of
from vatt_harmony.scale.align_study.text_records import read

NOUNS = ("pan", "knife", "orange", "plate", "onion", "egg", "bowl", "board")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout of the data folder: ten captioned videos, and two described ones in every split."""
    root = tmp_path_factory.mktemp("data")
    (root / "captions").mkdir()
    with (root / "captions" / "youcook2_val.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["end", "start", "task", "text", "video_id"])
        for video in range(10):
            writer.writerows([t + 1, t, 0, f"take the {NOUNS[(t + video) % 8]}", f"v{video}"] for t in range(6))
    others = "".join(f"r{n},m{n},v{n},a {NOUNS[n % 8]} and a {NOUNS[n % 5]}\n" for n in range(20))
    (root / "captions" / "msrvtt_test_1k.csv").write_text("key,vid_key,video_id,sentence\n" + others)
    (root / "alignment" / "tacos").mkdir(parents=True)
    for split in ("train", "val", "test"):
        told = {
            f"{split}{video}.avi": {
                "timestamps": [[10 * t, 10 * t + 9] for _ in range(3) for t in range(6)],
                "sentences": [f"take the {NOUNS[(t + video) % 8]}" for _ in range(3) for t in range(6)],
                "fps": 1.0,
            }
            for video in range(2)
        }
        (root / "alignment" / "tacos" / f"{split}.json").write_text(json.dumps(told))
    return root


def test_tacos_pairs_share_one_space(root: Path) -> None:
    split = tacos(root)

    assert [len(split.train), len(split.validation), len(split.test)] == [12, 6, 6]
    assert split.train[0].has_joint
    assert {pair.group for pair in split.test} == {"test0", "test1"}


def test_captioned_films_are_split_by_video_and_differ_from_copy_to_copy(root: Path) -> None:
    split = load(SMALL, root).split

    groups = [{film.group for film in films} for films in (split.train, split.validation, split.test)]
    assert [len(each) for each in groups] == [6, 2, 2]
    assert len(set.union(*groups)) == 10
    first, second = (film for film in split.train if film.group == split.train[0].group and film is not split.train[12])
    assert not np.array_equal(first.clips.features, second.clips.features)


def test_the_shared_space_is_fitted_on_the_share_alone(root: Path) -> None:
    split = load(SMALL, root).split
    half, whole = (with_joint(split, share, 1) for share in (0.5, 1.0))

    assert len({film.group for film in half.train}) == 3
    assert {film.name for film in half.train} < {film.name for film in whole.train}
    assert not np.allclose(half.test[0].clips.joint, whole.test[0].clips.joint)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        text_protocol, "SIZES", dict.fromkeys(text_protocol.SIZES, Size(updates=2, batch=8, validations=1))
    )


@pytest.mark.usefixtures("short")
def test_runs_are_made_once_and_kept(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_runs, "SIMILARITY", {"DTW": text_runs.SIMILARITY["DTW"]})
    wanted = [
        Job(data="TACoS", arm=WINDOW, seed=1),
        Job(data="HM-1", arm="baselines"),
        Job(data=SMALL, arm="full-adam, pretrained", share=0.5, seed=1),
        Job(data=SMALL, arm="rp-lars-sbn", seed=1),
    ]

    text_runs.make(root, tmp_path, wanted)
    text_runs.make(root, tmp_path, wanted)

    records = read(tmp_path)
    assert [record.arm for record in records] == [WINDOW, *["baselines"] * 6, "full-adam, pretrained", "rp-lars-sbn"]
    assert all(len(record.videos) == len(record.scores["accuracy"]) == 2 for record in records)
    assert next(record for record in records if record.method == "oracle").scores["accuracy"] == [1.0, 1.0]
    assert set(records[-1].movement) >= {"encoder of clips", "stack of pairs", "head"}
    assert records[-2].movement == {}


def test_arms_differ_only_as_the_protocol_says() -> None:
    published, window, positions = (
        config_of(Job(data="HM-1", arm=arm), 2620) for arm in (PUBLISHED, WINDOW, POSITIONS)
    )

    assert published.train.epochs == 5
    assert replace(published.network, window=8) == window.network
    assert replace(published.network, content=False) == positions.network
    assert (published.train.rollin, window.train.rollin) == (0.0, 1.0)
    little = config_of(Job(data=SMALL, arm="rp-adamwarm-sbn", share=0.05), 39)
    assert (little.train.epochs, little.optim.warmup_epochs, little.train.smoothing) == (40, 8, 0.0)
    assert config_of(Job(data=SMALL, arm="full-adam, pretrained"), 39).pretrain.epochs == 10


def test_no_training_film_is_split_over_several_pieces(root: Path) -> None:
    split = load("HM-1", root).split

    assert max(sum(film.lengths) for film in split.train) <= 100
