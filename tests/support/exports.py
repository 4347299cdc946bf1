"""A small exported model, media files and a shard for tests of what is downstream."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import torch

from vatt_harmony.downstream.export import export
from vatt_harmony.media.encode import encode_clip
from vatt_harmony.model.config import ModelConfig, TowerConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.stream.config import StreamConfig
from vatt_harmony.stream.tokenizer import train_tokenizer

SENTENCES = ["a red ball rolls left", "a dog barks loudly", "blue squares turn", "rain on a roof", "Red, red: ball!"]
STREAM = StreamConfig(
    global_batch=4, frames=4, fps=4.0, size=32, sample_rate=8000, words=6, candidates=2, workers=0, crop="center"
)


def make_export(folder: Path, stream: StreamConfig = STREAM, **changes: object) -> tuple[Vatt, Path]:
    """A tiny model with batch norm statistics away from their start, and the folder it was exported to."""
    tokenizer = train_tokenizer(SENTENCES, 64, stream.words)
    tokenizer.save(folder / "tokenizer.json")
    tower = TowerConfig(depth=2, width=32, ff=64, heads=2)
    settings = {
        "trunk": tower, "video_tower": tower, "audio_tower": tower, "text_tower": tower, "frames": stream.frames,
        "size": stream.size, "patch": (2, 16, 16), "samples": stream.samples, "sample_rate": stream.sample_rate,
        "words": stream.words, "vocabulary": tokenizer.vocabulary, "text_width": 12, "d_va": 16, "d_vt": 8,
        "post_width": 24,
    }  # fmt: skip
    torch.manual_seed(0)
    vatt = Vatt(ModelConfig(**{**settings, **changes})).eval()
    for name, buffer in vatt.named_buffers():
        buffer.uniform_(0.5, 1.5) if "var" in name else buffer.normal_()
    weights = {"video_audio": 1.0, "video_text": 1.0, "audio_text": 1.0 if vatt.config.audio_text_head else 0.0}
    export(vatt, folder / "tokenizer.json", stream, folder / "model", weights=weights)
    return vatt, folder / "model"


def write_clip(path: Path, seed: int, seconds: float = 1.5, silent: bool = False) -> Path:
    """A coloured, drifting pattern with a tone."""
    generator = np.random.default_rng(seed)
    frames = round(seconds * 8)
    base = generator.integers(0, 256, (1, 6, 8, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    video = np.concatenate([np.roll(base, 3 * shift, axis=2) for shift in range(frames)])
    times = np.arange(round(seconds * 8000)) / 8000
    sound = np.sin(2 * np.pi * generator.uniform(200, 1500) * times).astype(np.float32) * (0.0 if silent else 0.5)
    encode_clip(path, video=video, fps=8.0, audio=sound, sample_rate=8000)
    return path


def write_shard(path: Path, clips: int, folder: Path) -> Path:
    """`clips` clips with a caption each, by the sample contract; the last one is damaged."""
    with tarfile.open(path, "w") as tar:
        for number in range(clips):
            data = write_clip(folder / f"{number}.mp4", number).read_bytes()
            caption = {"text": SENTENCES[number % len(SENTENCES)], "start": 0.0, "end": 1.5}
            record = {"version": 1, "source": "made", "video_id": str(number), "start": 0.0, "end": 1.5}
            members = {
                "mp4": data if number + 1 < clips else data[:50],
                "json": json.dumps(record | {"captions": [caption]}).encode(),
            }
            for extension, content in members.items():
                header = tarfile.TarInfo(f"{number:04d}.{extension}")
                header.size = len(content)
                tar.addfile(header, io.BytesIO(content))
    return path
