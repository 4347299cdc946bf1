"""`evaluate probe` and `evaluate zeroshot` on published layouts, tables and shards, with features kept on disk."""

import argparse
import csv
import io
import json
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.exports import SENTENCES, make_export, write_clip
from torch.nn import functional as F

from vatt_harmony.downstream import probe_features
from vatt_harmony.downstream.cli import add_parsers
from vatt_harmony.downstream.probe import probe
from vatt_harmony.downstream.probe_features import read_features
from vatt_harmony.downstream.probe_media import read_windows
from vatt_harmony.downstream.probe_sets import published_set
from vatt_harmony.downstream.probe_shards import shard_set
from vatt_harmony.downstream.windows import Cut
from vatt_harmony.downstream.zeroshot import class_embeddings, spoken, zeroshot
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.items import IdxImage, MediaFile
from vatt_harmony.media.decode import read_window
from vatt_harmony.model.loading import load_model

CUT = Cut(frames=4, fps=4.0, size=32, sample_rate=8000)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_export(tmp_path_factory.mktemp("export"))[1]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve clips of two classes in three folds; one is broken, one is not there."""
    folder = tmp_path_factory.mktemp("table")
    with (folder / "clips.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "label", "fold", "group"))
        for number in range(12):
            if number < 11:
                # Clips of a class share their seed: picture and sound are equal, the length is not.
                write_clip(folder / f"{number}.mp4", number % 2, seconds=1.5 + 0.25 * (number // 2))
            rows.writerow((f"{number}.mp4", ("RedBall", "dog_barks")[number % 2], number // 4, number))
    (folder / "5.mp4").write_text("not a film")
    return folder / "clips.csv"


def write_labelled_shard(path: Path, clips: Path, labels: list[str | None]) -> Path:
    with tarfile.open(path, "w") as tar:
        for number, label in enumerate(labels):
            record = {"version": 1, "source": "made", "video_id": f"v{number // 2}", "start": 0.0, "end": 1.5}
            record |= {"captions": []} | ({} if label is None else {"label": label})
            members = {"mp4": (clips / f"{number % 4}.mp4").read_bytes(), "json": json.dumps(record).encode()}
            for extension, content in members.items():
                header = tarfile.TarInfo(f"{number:04d}.{extension}")
                header.size = len(content)
                tar.addfile(header, io.BytesIO(content))
    return path


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    add_parsers(parser.add_subparsers(required=True))
    options = parser.parse_args([str(argument) for argument in arguments])
    return int(options.run_verb(options))


def figures(path: Path) -> dict[str, dict[str, float]]:
    return {row["id"]: row for row in json.loads(path.read_text())["figures"]}


def test_probe_of_a_table(exported: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ("evaluate", "probe", exported, "table", "--root", table, "--modality", "video", "audio", "--device", "cpu")
    said += ("--cache", tmp_path / "cache", "--json", tmp_path / "f.json", "--windows", 2)
    assert run(*said) == 0
    printed = capsys.readouterr().out
    assert "table: 11 items, 2 classes, 3 folds" in printed and "1 items left out" in printed
    assert "video: 1 items without features, container open (first 5.mp4@7)" in printed
    found = figures(tmp_path / "f.json")
    for features in ("video", "audio", "video+audio"):
        for classifier in ("logistic", "svm"):
            row = found[f"probe.{features}.{classifier}.accuracy"]
            assert row["value"] > 0.6 and row["n"] == 10, (features, classifier)
            assert found[f"probe.{features}.{classifier}.accuracy_se"]["value"] >= 0
    assert found["probe.audio.logistic.accuracy"]["value"] == 1.0
    assert {"probe.video.svm.macro_f1", "probe.video.svm.mAP", "probe.video.svm.d_prime"} <= set(found)


def test_features_are_computed_once(
    exported: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = load_model(exported)
    labelled = published_set("table", str(table), ["video"])
    first = read_features(model, labelled, "video", "tower", CUT, windows=3, cache=tmp_path)
    assert {len(rows) for rows in first.rows.values()} == {4} and first.failures.counts == {"container open": 1}

    def never(*_: object) -> None:
        raise AssertionError("computed again")

    with monkeypatch.context() as patch:
        patch.setattr(probe_features, "encode_clips", never)
        again = read_features(model, labelled, "video", "tower", CUT, windows=3, cache=tmp_path)
        assert again.failures == first.failures
        assert all(np.array_equal(rows, again.rows[key]) for key, rows in first.rows.items())
        embedded = read_features(model, labelled, "video", "vt", CUT, windows=3, cache=tmp_path)
        assert next(iter(embedded.rows.values())).shape == (4, 8)
        with pytest.raises(AssertionError, match="computed again"):
            read_features(model, labelled, "video", "tower", CUT, windows=2, cache=tmp_path)
        with torch.no_grad():
            next(model.parameters()).add_(1)
        with pytest.raises(AssertionError, match="computed again"):
            read_features(model, labelled, "video", "tower", CUT, windows=3, cache=tmp_path)


def test_features_are_those_of_the_model(exported: Path, table: Path, tmp_path: Path) -> None:
    model, _ = load_model(exported)
    labelled = published_set("table", str(table), ["video", "audio"])
    clip = next(clip for clip in labelled.clips if clip.key.startswith("6.mp4"))
    rows = {
        kind: read_features(model, labelled, "video", kind, CUT, windows=2, cache=tmp_path).rows[clip.key]
        for kind in ("tower", "vt")
    }  # fmt: skip
    windows = torch.from_numpy(np.stack(read_windows(clip.sources["video"], "video", CUT, 2)))
    with torch.no_grad():
        z = model.vatt(video=windows)["video"]
        np.testing.assert_allclose(rows["tower"], model.vatt.head_stage.features({"video": z})["video"], atol=1e-5)
        np.testing.assert_allclose(rows["vt"], model.embed_raw("video", windows)["video_text"]["video"], atol=1e-5)
    with pytest.raises(UserError, match="no embedding of that modality in the space 'vt'"):
        read_features(model, labelled, "audio", "vt", CUT, windows=2, cache=tmp_path)


def test_windows_are_the_middle_and_the_spaced_ones(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", 0, seconds=3.0)
    for modality in ("video", "audio"):
        found = read_windows(MediaFile(path), modality, CUT, 3)  # type: ignore[arg-type]
        for start, window in zip((1.0, 0.0, 1.0, 2.0), found, strict=True):
            cut = read_window(path, start, 4, 4.0, 8000, size=32)
            expected = cut.video if modality == "video" else cut.audio
            assert expected is not None
            assert np.abs(window.astype(float) - expected).max() <= (1 if modality == "video" else 2e-3)
    short = read_windows(MediaFile(path, 1.0, 1.5), "audio", CUT, 4)
    assert len(short) == 1 and short[0].shape == (8000,)
    np.testing.assert_allclose(short[0][:3900], short[0][4000:7900], atol=1e-6)


def test_a_still_picture_has_one_window(tmp_path: Path) -> None:
    image = np.arange(28 * 28, dtype=np.uint8).reshape(1, 28, 28)
    header = b"\x00\x00\x08\x03" + b"".join(size.to_bytes(4, "big") for size in image.shape)
    (tmp_path / "images").write_bytes(header + image.tobytes())
    found = read_windows(IdxImage(tmp_path / "images", 0), "video", CUT, 4)
    assert len(found) == 1 and found[0].shape == (4, 32, 32, 3)


def test_probe_of_shards(exported: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels: list[str | None] = ["red", "blue"] * 8
    (tmp_path / "train").mkdir()
    write_labelled_shard(tmp_path / "train" / "made-000.tar", table.parent, [*labels, None])
    tested = write_labelled_shard(tmp_path / "test-000.tar", table.parent, labels[:4])
    made = shard_set(str(tmp_path / "train"), str(tested))
    assert made.classes == ("blue", "red") and made.skipped == {"no label": 1}
    assert sorted(made.folds[0].values()).count("test") == 4 and "val" in made.folds[0].values()
    assert len(made.tested) == 4
    folds = shard_set(str(tmp_path / "train"), None).folds
    assert len(folds) == 5 and all(len(fold) == 16 for fold in folds)
    for fold in folds:  # two samples of a video are never apart
        assert all(fold[f"made-000.tar:{i:04d}"] == fold[f"made-000.tar:{i + 1:04d}"] for i in range(0, 16, 2))
    said = ("--modality", "audio", "--classifier", "logistic", "--cache", tmp_path / "cache", "--device", "cpu")
    common = ("--windows", 1, "--json", tmp_path / "f.json")
    assert run("evaluate", "probe", exported, tmp_path / "train", "--test", tested, *said, *common) == 0
    assert figures(tmp_path / "f.json")["probe.audio.logistic.accuracy"]["value"] == 1.0
    assert "1 items left out, no label" in capsys.readouterr().out
    unlabelled = write_labelled_shard(tmp_path / "none-000.tar", table.parent, [None])
    with pytest.raises(UserError, match=r"No sample of .* has a label"):
        shard_set(str(unlabelled), None)


def test_zeroshot_takes_the_nearest_class(exported: Path, table: Path, tmp_path: Path) -> None:
    model, processor = load_model(exported)
    labelled = published_set("table", str(table), ["video"])
    rows = read_features(model, labelled, "video", "vt", CUT, windows=2, cache=tmp_path).rows
    templates = ["{} turn", "a {}"]
    classes, cut_short = class_embeddings(model, processor, labelled.classes, templates)
    unit = [F.normalize(model.get_text_features(processor.encode([t.format("red ball")])), dim=-1) for t in templates]
    np.testing.assert_allclose(classes[0], F.normalize(sum(unit), dim=-1)[0].detach(), atol=1e-5)
    assert not cut_short
    result = zeroshot(model, processor, labelled, rows, "video", templates)
    tested = [clip for clip in labelled.clips if clip.key in rows]
    means = torch.from_numpy(np.stack([rows[clip.key][1:].mean(axis=0) for clip in tested])).double()
    nearest = (F.normalize(means, dim=-1) @ classes.T).argmax(dim=1)
    right = np.mean([int(place) == clip.classes[0] for place, clip in zip(nearest, tested, strict=True)])
    assert result.measures["accuracy"].value == pytest.approx(right) and result.items == 10 and result.chance == 0.5
    with pytest.raises(UserError, match=r"has no \{\}"):
        zeroshot(model, processor, labelled, rows, "video", ["a thing"])
    assert class_embeddings(model, processor, ["red ball"], ["a red ball rolls left a red {}"])[1] == ("red ball",)


def test_zeroshot_verb_and_what_it_refuses(
    exported: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("--root", table, "--cache", tmp_path / "cache", "--device", "cpu", "--json", tmp_path / "f.json")
    assert run("evaluate", "zeroshot", exported, "table", "--modality", "video", "--templates", "a {}", *common) == 0
    found = figures(tmp_path / "f.json")
    assert found["zeroshot.video.accuracy"]["n"] == 10 and found["zeroshot.video.chance"]["value"] == 0.5
    assert run("evaluate", "zeroshot", exported, "table", "--modality", "audio", *common) == 0
    printed = capsys.readouterr().out
    assert "zero-shot audio: n/a" in printed and "a route through video would measure something else" in printed
    assert figures(tmp_path / "f.json")["zeroshot.audio.accuracy"]["value"] is None


def test_zeroshot_of_sound_with_an_audio_text_head(table: Path, tmp_path: Path) -> None:
    folder = make_export(tmp_path, audio_text_head=True)[1]
    said = ("--modality", "audio", "--templates", SENTENCES[0][:2] + "{}", "--windows", 1, "--device", "cpu")
    common = ("--root", table, "--cache", tmp_path / "cache", "--json", tmp_path / "f.json")
    assert run("evaluate", "zeroshot", folder, "table", *said, *common) == 0
    assert figures(tmp_path / "f.json")["zeroshot.audio.accuracy"]["n"] == 10


def test_class_names_are_spoken() -> None:
    assert [spoken(name) for name in ("ApplyEyeMakeup", "dog_barks", "Crying baby", "YoYo", "rock-climbing")] == [
        "apply eye makeup", "dog barks", "crying baby", "yo yo", "rock climbing",
    ]  # fmt: skip


def test_all_official_folds_are_found(data_root: Path) -> None:
    esc10 = published_set("esc10", str(data_root / "esc10"), ["audio"])
    assert len(esc10.folds) == 4 and len(esc10.tested) == len(esc10.clips) == 318
    grid = published_set("grid", str(data_root / "grid"), ["video", "audio"], label="digit")
    assert len(grid.folds) == 5 and len(grid.classes) == 10 and grid.name == "grid digit"
    one = published_set("esc10", str(data_root / "esc10"), ["audio"], folds=[2])
    assert len(one.folds) == 1 and len(one.tested) < 318
    with pytest.raises(UserError, match="fold is 9"):
        published_set("esc10", str(data_root / "esc10"), ["audio"], folds=[9])


def test_probe_of_real_sounds(exported: Path, data_root: Path, tmp_path: Path) -> None:
    """A few real sounds of two classes and a random encoder: every part of the path."""
    whole = published_set("esc10", str(data_root / "esc10"), ["audio"], folds=[0])
    split, counts = whole.folds[0], Counter[tuple[str, int]]()
    few = []
    for clip in whole.clips:
        place = split[clip.key], clip.classes[0]
        counts[place] += 1
        if clip.classes[0] < 2 and counts[place] <= 3:
            few.append(clip)
    made = replace(whole, clips=tuple(few))
    model, processor = load_model(exported)
    features = read_features(model, made, "audio", "tower", Cut.of(processor), windows=2, cache=tmp_path)
    assert len(features.rows) == len(few) and not features.failures.counts
    result = probe(made, features.rows, "audio", "logistic")
    assert result.items == 6 and 0 <= result.measures["accuracy"].value <= 1
