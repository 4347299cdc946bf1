"""Drop lists: named clips are left out and counted, the keys of others stay, unknown keys are told."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from vatt_harmony.errors import UserError
from vatt_harmony.shards.build import build
from vatt_harmony.shards.exclude import read_drop_list
from vatt_harmony.shards.index import index_shard


def keys(out: Path) -> set[str]:
    return {f"{tar.parent.name}/{entry.key}" for tar in out.rglob("*.tar") for entry in index_shard(tar).samples}


def test_every_kind_of_list(tmp_path):
    (tmp_path / "a.txt").write_text("# drop list\ntoy/v1\n\n  v2 \ntoy/v1\n")
    (tmp_path / "a.csv").write_text("cosine,key\n-0.1,toy/v1\n0,v2\n")
    pq.write_table(pa.table({"key": ["toy/v1", "v2"]}), tmp_path / "a.parquet")
    for name in ("a.txt", "a.csv", "a.parquet"):
        assert read_drop_list(tmp_path / name) == ["toy/v1", "v2"]


@pytest.mark.parametrize("name", ["none.txt", "b.csv", "b.parquet"])
def test_lists_that_cannot_be_read(tmp_path, name):
    (tmp_path / "b.csv").write_text("name\ntoy/v1\n")
    (tmp_path / "b.parquet").write_text("nothing")
    with pytest.raises(UserError, match=f"{name} cannot be read"):
        read_drop_list(tmp_path / name)


def test_a_build_leaves_out_what_is_listed(corpus, tmp_path):
    out, listed = tmp_path / "out", tmp_path / "drop.txt"
    manifest = corpus()
    build(manifest, out, workers=1)
    assert keys(out) == {"train/v0", "train/v1", "train/v2", "train/v3", "train/v4", "test/v5"}
    listed.write_text("toy/v1\nv3\nother/v0\nv9\ntoy/v5\nw\nx\n")
    said = io.StringIO()
    report = build(manifest, out, workers=1, console=Console(file=said, width=200), exclude=listed)
    assert keys(out) == {"train/v0", "train/v2", "train/v4"}  # nothing is left of the split test
    assert report.total.drops == {"excluded": 3} and report.total.samples == 3
    assert "toy/v1, named by" in report.total.first["excluded"]
    assert "4 keys of the drop list belong to no clip: other/v0, v9, w, …" in said.getvalue()
    assert build(manifest, out, workers=1, exclude=listed).kept == 2  # nothing to do again
    assert build(manifest, out, workers=1).total.samples == 6


def test_leaving_a_clip_out_changes_no_other_key(corpus, media, tmp_path):
    manifest = corpus({"path": media / "v0.mp4", "video_id": "v0", "split": "train", "caption": "again"})
    (tmp_path / "drop.txt").write_text("toy/v0\n")
    build(manifest, tmp_path / "out", workers=1, exclude=tmp_path / "drop.txt")
    assert "train/v0-2" in keys(tmp_path / "out") and "train/v0" not in keys(tmp_path / "out")


def test_excluding_everything_is_refused(corpus, tmp_path):
    (tmp_path / "drop.txt").write_text("\n".join(f"v{i}" for i in range(6)))
    with pytest.raises(UserError, match=r"None of the 6 clips.*excluded × 6"):
        build(corpus(), tmp_path / "out", workers=1, exclude=tmp_path / "drop.txt")
