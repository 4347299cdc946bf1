"""Held-out videos: a keyed share of them, whole, whatever else is in the manifest."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.shards.conftest import write_csv
from tests.unit.shards.test_verbs import run
from vatt_harmony.errors import UserError
from vatt_harmony.shards.holdout import hold_out
from vatt_harmony.shards.manifest import ManifestRow


def rows_of(count: int) -> list[ManifestRow]:
    """Two clips of each of `count` videos."""
    return [
        ManifestRow(number=i, path=Path(f"v{i // 2}.mp4"), video_id=f"v{i // 2}", source="s") for i in range(2 * count)
    ]


def test_the_share_is_held_out_by_whole_videos_and_does_not_depend_on_others() -> None:
    rows = hold_out(rows_of(2000), 0.05, seed=0)
    splits = {row.video_id: row.split for row in rows}
    assert 60 <= list(splits.values()).count("test") <= 140
    assert all(row.split == splits[row.video_id] for row in rows)
    assert hold_out(rows_of(1000), 0.05, seed=0) == rows[:2000]
    assert hold_out(rows_of(2000), 0.05, seed=1) != rows


@pytest.mark.parametrize("share", [1e-9, 0.05, 0.999999999])
@pytest.mark.parametrize("videos", [2, 3, 16])
def test_at_least_one_is_held_out_and_one_is_kept(videos: int, share: float) -> None:
    assert {row.split for row in hold_out(rows_of(videos), share, seed=0)} == {"train", "test"}


def test_one_video_is_trained_on_and_no_share_holds_nothing_out() -> None:
    assert {row.split for row in hold_out(rows_of(1), 0.5, seed=0)} == {"train"}
    assert {row.split for row in hold_out(rows_of(9), 0.0, seed=0)} == {"train"}


def test_two_ids_of_one_file_are_one_video() -> None:
    rows = [replace(row, video_id=f"id{row.number}") for row in rows_of(50)]
    held = hold_out(rows, 0.3, seed=0)
    assert all(one.split == other.split for one, other in zip(held[::2], held[1::2], strict=True))
    assert {row.split for row in held} == {"train", "test"}


def test_build_makes_both_splits_and_tells_of_clips_without_captions(
    media: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"path": media / f"v{i}.mp4", "caption": "" if i == 3 else f"tone {i}"} for i in range(6)]
    manifest = write_csv(tmp_path / "toy.csv", rows)
    assert run("build", "--manifest", manifest, "--out", tmp_path / "out", "--hold-out", 0.05, "--workers", 1) == 0
    assert [path.parent.name for path in sorted((tmp_path / "out").rglob("*.tar"))] == ["test", "train"]
    assert "1 of 6 clips have no caption" in capsys.readouterr().out


def test_splits_of_the_manifest_and_held_out_ones_exclude_each_other(media: Path, tmp_path: Path) -> None:
    manifest = write_csv(tmp_path / "toy.csv", [{"path": media / "v0.mp4", "split": "train"}])
    with pytest.raises(UserError, match=r"has a column 'split', and --hold-out"):
        run("build", "--manifest", manifest, "--out", tmp_path / "out", "--hold-out", 0.05)
    with pytest.raises(UserError, match=r"hold_out is 1\.0, outside"):
        run("build", "--manifest", manifest, "--out", tmp_path / "out", "--hold-out", 1)
