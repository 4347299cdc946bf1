"""Batches of pictures, sound and captions from `vatt_harmony.stream`, over a small corpus made on first use."""

from pathlib import Path

from vatt_harmony.media.demo_corpus import make_corpus
from vatt_harmony.model.torchvision_ops import prepare_torchvision
from vatt_harmony.shards.build import build
from vatt_harmony.stream.config import DataConfig, SourceConfig, StreamConfig
from vatt_harmony.stream.stream import Stream

prepare_torchvision()  # needed only where torchvision was built for another torch


def open_demo_stream(folder: Path, rows: int = 8, rank: int = 0, world_size: int = 1) -> Stream:
    """One-second clips: 4 frames of 32 x 32 pixels, 16,000 samples of sound, 2 captions of 12 words."""
    if not (folder / "shards" / "train").is_dir():
        corpus = make_corpus(folder / "corpus", seed=0, train=24, test=1, unseen=0, size=32, seconds=1.2)
        build(corpus.manifest, folder / "shards", workers=1)
    data = DataConfig(sources={"demo": SourceConfig(shards=str(folder / "shards" / "train"))}, vocabulary=128)
    config = StreamConfig(
        global_batch=rows, frames=4, fps=4.0, size=32, sample_rate=16000, candidates=2, words=12, workers=0
    )
    return Stream(data, config, seed=0, rank=rank, world_size=world_size)
