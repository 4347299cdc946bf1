"""A small corpus of generated media files and its manifest."""

import csv
import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from vatt_harmony.media.encode import encode_clip

RATE = 16000


def clip_bytes(
    seconds: float = 1.0, *, video: bool = True, audio: bool = True, tone: float = 440.0, fps: float = 10.0
) -> bytes:
    """A small mp4: one grey level a frame, and a tone."""
    frames, times = round(seconds * fps), np.arange(round(seconds * RATE)) / RATE
    levels = np.linspace(20, 230, frames).astype(np.uint8)
    buffer = io.BytesIO()
    encode_clip(
        buffer,
        video=np.broadcast_to(levels[:, None, None, None], (frames, 32, 48, 3)).copy() if video else None,
        fps=fps,
        audio=(0.3 * np.sin(2 * np.pi * tone * times)).astype(np.float32) if audio else None,
        sample_rate=RATE,
    )
    return buffer.getvalue()


def truncated(clip: bytes, folder: Path) -> bytes:
    """The first half of a clip whose index stands at its front, so that it opens and ends early."""
    path = folder / "front.mp4"
    with av.open(io.BytesIO(clip)) as source, av.open(path, "w", options={"movflags": "+faststart"}) as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    data = path.read_bytes()
    path.unlink()
    return data[: len(data) // 2]


def write_tar(path: Path, members: Sequence[tuple[str, bytes]], format: int = tarfile.PAX_FORMAT) -> Path:
    """A tar written by the standard library."""
    with tarfile.open(path, "w", format=format) as tar:
        for name, data in members:
            header = tarfile.TarInfo(name)
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))
    return path


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="session")
def clip() -> bytes:
    return clip_bytes()


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six whole clips `v0.mp4` … `v5.mp4` of one second, and `long.mp4` of four."""
    folder = tmp_path_factory.mktemp("media")
    for i in range(6):
        (folder / f"v{i}.mp4").write_bytes(clip_bytes(tone=300.0 + 100 * i))
    (folder / "long.mp4").write_bytes(clip_bytes(4.0, fps=25.0))
    return folder


@pytest.fixture
def corpus(media: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes a manifest `toy.csv` over the six clips, with more rows if given."""

    def write(*more: Mapping[str, object]) -> Path:
        rows: list[Mapping[str, object]] = [
            {"path": media / f"v{i}.mp4", "caption": f"tone number {i}", "split": "test" if i == 5 else "train"}
            for i in range(6)
        ]
        return write_csv(tmp_path / "toy.csv", [*rows, *more])

    return write
