"""The index: the standard library's offsets by one pass, damage told, change refused, samples read alone."""

import gzip
import os
import resource
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.shards.conftest import write_tar
from vatt_harmony.errors import UserError
from vatt_harmony.shards.index import build_index, cached_index, drop_index, index_shard, open_source
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.shards.sample import SampleError
from vatt_harmony.shards.tarscan import scan_tar

MEMBERS = [(f"k{i}.{e}", bytes([i]) * (700 * i + 3)) for i in range(4) for e in ("json", "mp4")]
LONG = [("a" * 150 + ".mp4", b"x" * 600), ("häßlich/ü" + "b" * 120 + ".txt", b"y"), ("short.txt", b"")]


@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_offsets_equal_the_standard_librarys(tmp_path: Path, layout: int) -> None:
    members = MEMBERS if layout == tarfile.USTAR_FORMAT else [*MEMBERS, *LONG]
    path = write_tar(tmp_path / "t.tar", members, layout)
    with tarfile.open(path) as tar:
        expected = [(m.name, m.offset_data, m.size) for m in tar if m.isreg()]
    scan = scan_tar(path)
    assert [(m.name, m.offset, m.size) for m in scan.members] == expected and len(expected) == len(members)
    assert scan.damage == "" and scan.size == path.stat().st_size


def test_folders_and_links_are_no_members(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE):
            header = tarfile.TarInfo("a.mp4")
            header.type, header.linkname = kind, "b"
            tar.addfile(header)
    assert scan_tar(tmp_path / "t.tar").members == []


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 20 * 512))
def test_a_truncated_tar_yields_whole_samples_only(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("cut")
    path = write_tar(folder / "t.tar", MEMBERS)
    whole = path.read_bytes()
    data_end = max(m.offset + m.size + -m.size % 512 for m in scan_tar(path).members)
    path.write_bytes(whole[: min(cut, data_end)])
    index = build_index(path)
    assert index.damage
    assert all(len(entry.members) == 2 for entry in index.samples[:-1])
    for entry in index.samples:
        for member in entry.members:
            assert whole[member.offset : member.offset + member.size] == dict(MEMBERS)[member.name]


def test_a_damaged_header_ends_the_readable_part_with_a_reason(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "t.tar", MEMBERS)
    data = bytearray(path.read_bytes())
    header = scan_tar(path).members[5].offset - 512
    data[header : header + 100] = b"?" * 100
    path.write_bytes(data)
    index = build_index(path)
    assert "at byte" in index.damage and [e.key for e in index.samples] == ["k0", "k1"]


def test_compressed_tars_are_refused_with_the_reason(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "t.tar", MEMBERS)
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(UserError, match=r"compressed \(gzip\)"):
        index_shard(path)


def test_the_cache_is_used_and_a_changed_shard_is_named(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "t.tar", MEMBERS)
    index = index_shard(path)
    assert (tmp_path / "t.tar.index.json").is_file() and index_shard(path) == index
    os.utime(path, ns=(1, 1))  # copied: another time stamp, the same bytes
    assert index_shard(path).digest == index.digest
    write_tar(path, MEMBERS[:4])
    with pytest.raises(UserError, match=r"t\.tar changed since it was indexed"):
        index_shard(path)
    drop_index(path)
    assert len(index_shard(path)) == 2


def test_a_read_only_folder_is_indexed_into_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = write_tar(tmp_path / "t.tar", MEMBERS)
    (tmp_path / "t.tar.index.json").mkdir()  # what cannot be replaced by a file, also for root
    index = index_shard(path)
    assert cached_index(path) == index and list((tmp_path / "cache").rglob("*.json"))


def test_samples_are_read_by_range_with_few_open_files(tmp_path: Path, clip: bytes) -> None:
    members = [("a.mp4", clip), ("a.txt", b"first"), ("b.mp4", clip[:-1]), ("c.cls", b"3")]
    indexes = [index_shard(write_tar(tmp_path / f"s-{i:03d}.tar", members)) for i in range(4)]
    reader = ShardReader(max_open=2)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for index in [*indexes, *indexes]:
        sample = reader.read(index, 0)
        assert (sample.name, sample.video, sample.captions[0].text) == ("s/a", clip, "first")
        assert reader.read(index, 1).video == clip[:-1]
    assert len(list(Path("/proc/self/fd").iterdir())) - before <= 2
    with pytest.raises(SampleError, match=r"missing field: c has cls"):
        reader.read(indexes[0], 2)
    indexes[0].path.write_bytes(b"")
    reader.close()
    with pytest.raises(SampleError, match="tar damage"):
        reader.read(indexes[0], 0)


def test_sources_are_folders_tars_globs_and_brace_patterns(tmp_path: Path) -> None:
    paths = [write_tar(tmp_path / f"x-{i:03d}.tar", MEMBERS[:1]) for i in range(3)]
    for spec in (tmp_path, tmp_path / "x-*.tar", tmp_path / "x-{000..002}.tar"):
        assert open_source(str(spec)) == paths
    assert open_source(str(paths[1])) == [paths[1]]
    odd = write_tar(tmp_path / "y[0-9].tar", MEMBERS[:1])
    assert open_source(str(odd)) == [odd], "brackets in the name of a file that is there are no pattern"


def test_open_shards_are_bounded_by_what_the_process_may_open(monkeypatch: pytest.MonkeyPatch) -> None:
    for soft, expected in ((1024, 256), (400, 100), (2, 1), (resource.RLIM_INFINITY, 256)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, soft=soft: (soft, soft))
        assert ShardReader().max_open == expected
    assert ShardReader(max_open=3).max_open == 3


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("{}/x-{{000..003}}.tar", "3 shards do not exist: .*x-001.tar"),
        ("{}/nothing", "The folder of shards .*nothing does not exist"),
        ("{}/nothing.tar", "1 shards do not exist"),
        ("{}/y-*.tar", "do not exist"),
        ("{}/empty", "holds no .tar files"),
        ("s3://bucket/x.tar", "not local"),
        ("pipe:cat x.tar", "not local"),
    ],
)
def test_missing_sources_are_errors(tmp_path: Path, spec: str, message: str) -> None:
    write_tar(tmp_path / "x-000.tar", MEMBERS[:1])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        open_source(spec.format(tmp_path))
