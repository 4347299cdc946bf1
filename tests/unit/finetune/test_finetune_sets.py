"""Adapters read official layouts: split sizes, groups, folds, and what cannot be used is counted."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import DataConfig, Modality
from vatt_harmony.finetune.items import FeatureFile, Item, LabelledSet, MediaFile, Text
from vatt_harmony.finetune.miniature import write_miniature
from vatt_harmony.finetune.sets import load_set
from vatt_harmony.finetune.sets.kinetics import SOUNDS
from vatt_harmony.finetune.sets.lists import hold_out
from vatt_harmony.finetune.sets.ucf101_51 import CLASSES

BOTH: tuple[Modality, ...] = ("video", "audio")


@pytest.fixture(autouse=True)
def _only_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adapters look whether files are there and never into them, so that nothing need be encoded here."""
    monkeypatch.setattr("vatt_harmony.finetune.miniature.media.encode_clip", lambda path, **_: path.touch())


def _sizes(labelled: LabelledSet) -> tuple[int, int, int]:
    train, val, test = (len(labelled.split(name)) for name in ("train", "val", "test"))
    return train, val, test


def _groups(labelled: LabelledSet) -> list[set[str]]:
    return [{item.group for item in labelled.split(name)} for name in ("train", "val", "test")]


def _disjoint(labelled: LabelledSet) -> bool:
    train, val, test = _groups(labelled)
    return not (train & val or train & test or val & test)


def test_crema_d_reads_the_published_folds(tmp_path: Path) -> None:
    root = write_miniature("crema_d", tmp_path / "set", 0.1)
    for fold, sizes in enumerate(((404, 88, 90), (402, 88, 92))):
        labelled = load_set(DataConfig(set="crema_d", root=str(root), modalities=BOTH, fold=fold))
        assert _sizes(labelled) == sizes and _disjoint(labelled)
        assert [len(group) for group in _groups(labelled)] == [63, 14, 14]
    assert all(labelled.classes[int(item.target)] == item.key.split("_")[2] for item in labelled.items)
    assert "Not comparable" in labelled.notes[0]


def test_crema_d_without_lists_splits_speakers_and_says_so(tmp_path: Path) -> None:
    root = write_miniature("crema_d", tmp_path / "set", 0.1)
    (root / "data_splits_VALV.pkl").unlink()
    tested: set[str] = set()
    for fold in range(5):
        labelled = load_set(DataConfig(set="crema_d", root=str(root), modalities=("audio",), fold=fold))
        assert _disjoint(labelled) and [len(group) for group in _groups(labelled)] == [63, 14, 14]
        assert not tested & _groups(labelled)[2]
        tested |= _groups(labelled)[2]
    assert any("neither the published folds" in note for note in labelled.notes)


def test_crema_d_by_ogm_warns_that_speakers_are_shared(tmp_path: Path) -> None:
    root = write_miniature("crema_d_ogm", tmp_path / "set", 0.05)
    labelled = load_set(DataConfig(set="crema_d_ogm", root=str(root), modalities=BOTH))
    train, val, test = _sizes(labelled)
    assert (train + val, test) == (335, 37)
    assert "Never compare" in labelled.notes[0]


def test_ave_has_its_official_sizes_and_leaves_out_what_is_listed_twice(tmp_path: Path) -> None:
    root = write_miniature("ave", tmp_path / "set")
    data = DataConfig(set="ave", root=str(root), modalities=BOTH)
    assert _sizes(load_set(data)) == (3339, 402, 402)
    test = (root / "testSet.txt").read_text().splitlines()
    with (root / "trainSet.txt").open("a") as train:
        train.write(test[0] + "\n")
    labelled = load_set(data)
    assert _sizes(labelled) == (3339, 402, 402) and labelled.skipped == {"listed twice": 1}
    item = labelled.split("test")[1]
    source = item.sources["video"]
    assert isinstance(source, MediaFile) and (source.start, source.end) == (float(test[1].split("&")[3]), 10.0)


def test_ucf101_keeps_classes_with_sound_and_splits_by_source_video(tmp_path: Path) -> None:
    root = write_miniature("ucf101_51", tmp_path / "set", 0.3)
    labelled = load_set(DataConfig(set="ucf101_51", root=str(root), modalities=BOTH))
    assert len(CLASSES) == len(set(CLASSES)) == 51 and labelled.classes == CLASSES
    assert not any("YoYo" in item.key for item in labelled.items)
    assert _disjoint(labelled) and {item.target for item in labelled.split("val")} == set(range(51))


def test_hmdb51_turns_its_splits_and_leaves_unused_clips(tmp_path: Path) -> None:
    root = write_miniature("hmdb51", tmp_path / "set", 0.2)
    sets = [load_set(DataConfig(set="hmdb51", root=str(root), modalities=("video",), fold=fold)) for fold in range(3)]
    for labelled in sets:
        train, val, test = _sizes(labelled)
        assert (train + val, test) == (51 * 14, 51 * 6) and not _groups(labelled)[0] & _groups(labelled)[1]
    assert len({frozenset(item.key for item in labelled.split("test")) for labelled in sets}) == 3


def test_kinetics_sounds_is_31_classes_of_the_lists_of_kinetics(tmp_path: Path) -> None:
    root = write_miniature("kinetics_sounds", tmp_path / "set", 0.01)
    labelled = load_set(DataConfig(set="kinetics_sounds", root=str(root), modalities=BOTH))
    assert labelled.classes == SOUNDS and len(SOUNDS) == 31
    (root / "train" / "train0000003_000010_000020.mp4").unlink()
    folder = root / "train" / "blowing_nose"  # class folders are as good as none
    folder.mkdir()
    (root / "train" / "train0000000_000010_000020.mp4").rename(folder / "train0000000_000010_000020.mp4")
    again = load_set(DataConfig(set="kinetics_sounds", root=str(root), modalities=BOTH))
    assert len(again.items) == len(labelled.items) - 1 and again.skipped == {"no video file": 1}


def test_esc50_tests_one_fold_and_holds_out_recordings(tmp_path: Path) -> None:
    root = write_miniature("esc50", tmp_path / "set")
    labelled = load_set(DataConfig(set="esc50", root=str(root), modalities=("audio",), fold=2))
    assert _sizes(labelled) == (1450, 150, 400) and _disjoint(labelled)
    assert all(item.key.startswith("3-") for item in labelled.split("test"))


def test_esc10_reads_its_table(tmp_path: Path) -> None:
    rows = [(f"{kind}-{fold}-{clip}.ogg", kind, f"sound {kind}", fold, f"{kind}{fold}{clip // 2}")
            for kind in range(3) for fold in range(1, 5) for clip in range(4)]  # fmt: skip
    _write(tmp_path / "labels.csv", ("path", "class_id", "caption", "fold", "freesound_id"), rows)
    for row in rows:
        (tmp_path / row[0]).touch()
    labelled = load_set(DataConfig(set="esc10", root=str(tmp_path), modalities=("audio",), fold=3, val=0.2))
    assert _sizes(labelled) == (30, 6, 12) and _disjoint(labelled)
    with pytest.raises(UserError, match="folds 0 to 3"):
        load_set(DataConfig(set="esc10", root=str(tmp_path), modalities=("audio",), fold=4))


def test_grid_asks_for_any_word_and_hides_it_in_the_text(tmp_path: Path) -> None:
    _write_grid(tmp_path)
    seen: list[str] = []
    for fold in range(5):
        data = DataConfig(
            set="grid", root=str(tmp_path), modalities=("video", "audio", "text"), label="colour", fold=fold
        )
        labelled = load_set(data)
        assert labelled.classes == ("blue", "red") and _sizes(labelled)[2] == 8
        assert sum(item.target for item in labelled.split("test")) == 4  # type: ignore[misc]
        seen += [item.key for item in labelled.split("test")]
    assert sorted(seen) == sorted(f"c{number:02d}" for number in range(40))
    assert labelled.items[0].sources["text"] == Text("bin at a one now")
    with pytest.raises(UserError, match="word slot"):
        load_set(DataConfig(set="grid", root=str(tmp_path), modalities=BOTH, label="color"))


def test_grid_can_look_at_the_word_alone(tmp_path: Path) -> None:
    _write_grid(tmp_path)
    for label, span in {"command": (0.0, 0.75), "digit": (1.875, 2.625)}.items():
        data = DataConfig(set="grid", root=str(tmp_path), modalities=BOTH, label=label, word_seconds=0.75)
        source = load_set(data).items[0].sources["audio"]
        assert isinstance(source, MediaFile) and (source.start, source.end) == span
    with pytest.raises(ValueError, match="word_seconds"):
        DataConfig(set="ave", root=str(tmp_path), modalities=BOTH, word_seconds=0.75)


def test_no_picture_of_av_digits_is_in_two_splits(tmp_path: Path) -> None:
    images = np.zeros((50, 4, 4), np.uint8)
    head = b"\x00\x00\x08\x03" + b"".join(int(n).to_bytes(4, "big") for n in images.shape)
    (tmp_path / "images-idx3-ubyte.gz").write_bytes(gzip.compress(head + images.tobytes()))
    (tmp_path / "wav").mkdir()
    rows = []
    for speaker in "abc":
        for clip in range(20):
            wav = tmp_path / "wav" / f"{clip % 10}_{speaker}_{clip}.wav"
            wav.touch()
            rows.append(((clip * 7 + 11 * ord(speaker)) % 50, f"wav/{wav.name}", clip % 10, speaker))
    _write(tmp_path / "pairs.csv", ("image_index", "wav", "label", "speaker"), rows)
    for fold in range(3):
        labelled = load_set(DataConfig(set="av_digits", root=str(tmp_path), modalities=BOTH, fold=fold))
        assert _disjoint(labelled) and _sizes(labelled)[2] == 20  # no test pair is given up
        assert sum(labelled.skipped.values()) == 60 - len(labelled.items) > 0


def test_a_table_reads_columns_folds_several_labels_and_numbers(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number}.mp4").touch()
    rows = [(f"{n}.mp4", "x|y" if n % 3 == 0 else "xy"[n % 2], n / 2, f"g{n // 2}", n % 3, "words") for n in range(12)]
    _write(tmp_path / "clips.csv", ("path", "label", "score", "group", "fold", "text"), rows)
    data = DataConfig(set="table", root=str(tmp_path / "clips.csv"), modalities=("video", "text"), fold=1)
    several = load_set(data, "multilabel")
    assert several.classes == ("x", "y") and several.items[0].target == (0, 1)
    assert len(several.split("test")) == 4 and several.split("val")
    scored = load_set(DataConfig(set="table", root=data.root, modalities=("audio",), label="score"), "regression")
    assert sorted(float(item.target) for item in scored.items if not isinstance(item.target, tuple))[:2] == [0.0, 0.5]
    with pytest.raises(UserError, match="no column 'mood'"):
        load_set(DataConfig(set="table", root=data.root, modalities=BOTH, label="mood"))
    with pytest.raises(UserError, match="line 2"):
        load_set(DataConfig(set="table", root=data.root, modalities=("audio",), label="text"), "regression")


def test_a_table_without_splits_holds_out_groups(tmp_path: Path) -> None:
    rows = [(f"{n}.wav", "ab"[n // 20], f"g{n // 2}") for n in range(40)]
    for row in rows:
        (tmp_path / row[0]).touch()
    _write(tmp_path / "clips.csv", ("audio", "label", "group"), rows)
    data = DataConfig(set="table", root=str(tmp_path / "clips.csv"), modalities=("audio",), val=0.2)
    labelled = load_set(data)
    assert _disjoint(labelled) and _sizes(labelled) == (24, 8, 8)
    _write(tmp_path / "clips.csv", ("audio", "label", "split"), [(*row[:2], "train") for row in rows])
    with pytest.raises(UserError, match="no usable item in its test split"):
        load_set(data)
    _write(tmp_path / "clips.csv", ("audio", "label", "split"), [(*row[:2], "dev") for row in rows])
    with pytest.raises(UserError, match="'dev'"):
        load_set(data)


def test_pieces_of_one_file_are_in_one_split_and_numbers_need_no_split_column(tmp_path: Path) -> None:
    rows = [(f"{n // 2}.wav", n + 0.5, n % 2, n % 2 + 1) for n in range(40)]
    for n in range(20):
        (tmp_path / f"{n}.wav").touch()
    _write(tmp_path / "clips.csv", ("audio", "label", "start", "end"), rows)
    data = DataConfig(set="table", root=str(tmp_path / "clips.csv"), modalities=("audio",), val=0.25)
    labelled = load_set(data, "regression")
    assert _disjoint(labelled) and _sizes(labelled) == (24, 8, 8)
    _write(tmp_path / "clips.csv", ("audio", "label", "start", "end"), [("0.wav", *row[1:]) for row in rows])
    with pytest.raises(UserError, match="fewer than three groups"):
        load_set(data, "regression")
    for line in (("0.wav", "nan", 0, 1), ("0.wav", 1, "0:05", 1), ("0.wav",)):
        _write(tmp_path / "clips.csv", ("audio", "label", "start", "end"), [*rows, line])
        with pytest.raises(UserError, match=r"line 42: .* is no number"):
            load_set(data, "regression")


def test_doubtful_tables_are_told(tmp_path: Path) -> None:
    rows = [(f"{n}.wav", ("dog", "cat", "Dog ")[n % 3], "") for n in range(30)]
    for row in rows:
        (tmp_path / row[0]).touch()
    _write(tmp_path / "clips.csv", ("audio", "label", "spilt"), [*rows, ("30.wav", "cat", ""), ("0.wav", "owl", "")])
    data = DataConfig(set="table", root=str(tmp_path / "clips.csv"), modalities=("audio",))
    notes = " ".join(load_set(data).notes)
    for words in ("not used: spilt", "capitals alone: Dog, dog", "owl", "no audio file for 30.wav"):
        assert words in notes
    _write(tmp_path / "clips.csv", ("audio", "label", "spilt"), [*rows, ("0.wav", " ", "")])
    with pytest.raises(UserError, match="line 32 has no label"):
        load_set(data)
    (tmp_path / "clips.csv").write_bytes("audio,label\n0.wav,Bär\n".encode("cp1252"))
    with pytest.raises(UserError, match="not UTF-8"):
        load_set(data)


def test_missing_files_are_counted_and_can_be_masked(tmp_path: Path) -> None:
    rows = [(f"{n}.wav", f"{n}.mp4", "ab"[n % 2], ("train", "val", "test")[n % 3]) for n in range(12)]
    _write(tmp_path / "clips.csv", ("audio", "video", "label", "split"), rows)
    for n in range(12):
        (tmp_path / f"{n}.wav").touch()
        if n != 4:
            (tmp_path / f"{n}.mp4").touch()
    root = str(tmp_path / "clips.csv")
    dropped = load_set(DataConfig(set="table", root=root, modalities=BOTH))
    assert len(dropped.items) == 11 and dropped.skipped == {"no video file": 1}
    masked = load_set(DataConfig(set="table", root=root, modalities=BOTH, missing="mask"))
    assert len(masked.items) == 12 and list(masked.items[4].sources) == ["audio"]


def test_vectors_stand_for_pictures_where_a_folder_of_them_is_named(tmp_path: Path) -> None:
    root = write_miniature("crema_d", tmp_path / "set", 0.01)
    data = DataConfig(set="crema_d", root=str(root), modalities=BOTH, features="Face_features")
    item = load_set(data).items[0]
    assert item.sources["video"] == FeatureFile(root / "Face_features" / f"{item.key}.npy")


def test_unknown_sets_roots_modalities_and_tasks_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Did you mean 'esc50'"):
        load_set(DataConfig(set="esc-50", root=str(tmp_path), modalities=BOTH))
    with pytest.raises(UserError, match="does not exist"):
        load_set(DataConfig(set="ave", root=str(tmp_path / "gone"), modalities=BOTH))
    with pytest.raises(UserError, match=r"trainSet.txt|testSet.txt"):
        load_set(DataConfig(set="ave", root=str(tmp_path), modalities=BOTH))
    root = str(write_miniature("esc50", tmp_path / "esc"))
    with pytest.raises(UserError, match="has no video"):
        load_set(DataConfig(set="esc50", root=root, modalities=BOTH))
    with pytest.raises(UserError, match="for classification"):
        load_set(DataConfig(set="esc50", root=root, modalities=("audio",)), "regression")


def test_what_is_held_out_depends_on_names_alone() -> None:
    items = [
        Item(key=f"{n}", target=n % 2, sources={}, split="train", group=f"g{n // 4 * 2 + n % 2}") for n in range(40)
    ]
    held = {item.key for item in hold_out(items, 0.2) if item.split == "val"}
    assert held == {item.key for item in hold_out(items[::-1], 0.2) if item.split == "val"}
    assert {int(key) % 2 for key in held} == {0, 1} and len(held) == 8
    mixed = [Item(key=f"{n}", target=n % 3, sources={}, split="train", group=f"g{n // 10}") for n in range(40)]
    assert len({item.group for item in hold_out(mixed, 0.2) if item.split == "val"}) == 1


def _write(path: Path, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def _write_grid(root: Path) -> None:
    slots = ("command", "colour", "preposition", "letter", "digit", "adverb")
    rows = []
    for number in range(40):
        words = ("bin", "blue" if number % 2 == 0 else "red", "at", "a", "one", "now")
        (root / f"c{number:02d}.mp4").touch()
        times = json.dumps([[word, place / 2, (place + 1) / 2] for place, word in enumerate(words)])
        rows.append((f"c{number:02d}.mp4", f"c{number:02d}", " ".join(words), *words, "s1", times))
    _write(root / "sentences.csv", ("path", "id", "sentence", *slots, "speaker", "words_json"), rows)
