"""Small real shards: encoded clips with a picture, sound and captions that can be told apart."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from vatt_harmony.media.encode import encode_clip
from vatt_harmony.stream.config import DataConfig, SourceConfig, StreamConfig

RATE = 8000


def clip(seed: int, seconds: float = 1.2, picture: bool = True, sound: bool = True, silent: bool = False) -> bytes:
    """An mp4 of a plain colour and a tone, both chosen by the seed."""
    generator = np.random.default_rng(seed)
    frames = round(seconds * 10)
    video = np.broadcast_to(generator.integers(40, 216, 3, dtype=np.uint8), (frames, 32, 32, 3))
    tone = 0.5 * np.sin(2 * np.pi * generator.integers(200, 900) * np.arange(round(seconds * RATE)) / RATE)
    place = io.BytesIO()
    encode_clip(
        place,
        video=np.ascontiguousarray(video) if picture else None,
        audio=(tone * (not silent)).astype(np.float32) if sound else None,
        sample_rate=RATE,
    )
    return place.getvalue()


def record(source: str, texts: list[str], seconds: float = 1.2) -> bytes:
    """The json of a clip whose captions share its time equally."""
    step = seconds / max(len(texts), 1)
    captions = [{"text": t, "start": i * step, "end": (i + 1) * step} for i, t in enumerate(texts)]
    value = {"version": 1, "source": source, "video_id": "v", "start": 0, "end": seconds, "captions": captions}
    return json.dumps(value).encode()


def write_shard(path: Path, samples: Mapping[str, Mapping[str, bytes]]) -> None:
    """A tar of samples: key -> extension -> bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for key, members in samples.items():
            for extension, data in members.items():
                info = tarfile.TarInfo(f"{key}.{extension}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


def make_source(folder: Path, name: str, shards: int = 3, samples: int = 4, **kind: bool) -> SourceConfig:
    """A source of shards x samples clips with two captions each."""
    for shard in range(shards):
        numbers = range(shard * samples, (shard + 1) * samples)
        rows = {
            f"{name}{n:03d}": {"mp4": clip(n, **kind), "json": record(name, [f"colour {n}", f"tone {n}"])}
            for n in numbers
        }
        write_shard(folder / name / f"{name}-{shard:06d}.tar", rows)
    return SourceConfig(shards=str(folder / name))


def small(**changes: object) -> StreamConfig:
    """Four frames of 16 px and 0.8 s of sound; no workers."""
    values: dict[str, object] = {"frames": 8, "size": 16, "sample_rate": RATE, "candidates": 3, "words": 4}
    values |= {"global_batch": 4, "workers": 0}
    return StreamConfig(**{**values, **changes})


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    """Two sources, 12 and 6 clips, weights 2 : 1."""
    folder = tmp_path_factory.mktemp("shards")
    big = make_source(folder, "big")
    little = make_source(folder, "little", shards=1, samples=6)
    return DataConfig(sources={"big": SourceConfig(shards=big.shards, weight=2.0), "little": little}, vocabulary=64)
