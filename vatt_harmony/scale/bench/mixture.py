"""Row 01.4: real media with every kind of gap (no text, no sound, no picture, silence, damage) in one mixture."""

import csv
import itertools
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from vatt_harmony.figures import Figure
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.objective.objective import pair_losses
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measured, measures
from vatt_harmony.shards.build import build
from vatt_harmony.shards.plan import BuildSettings
from vatt_harmony.stream.batch import Batch
from vatt_harmony.stream.config import DataConfig, SourceConfig, StreamConfig
from vatt_harmony.stream.stream import Stream

SOURCES = ("narrated", "film", "silent", "esc10", "grid_dirty")
CONFIG = StreamConfig(global_batch=10, frames=16, size=32, sample_rate=16000, workers=0, silence=1e-4)
BATCHES = 12
Masks = tuple[bool, bool, bool]
"""Video, audio, any text."""
HELD: dict[str, set[Masks]] = {
    "narrated": {(False, True, True), (True, True, True), (True, False, True)},  # one pauses longer than a window
    "film": {(True, True, False)},
    "silent": {(True, False, True), (True, False, False)},
    "esc10": {(False, True, True)},
    "grid_dirty": {(True, True, False)},
}
"""Source -> masks that its clips can have."""


def manifest_rows(root: Path) -> list[dict[str, str]]:
    """One clip a row; long films whole, so that windows move inside them."""

    def row(source: str, path: str, **columns: str) -> dict[str, str]:
        return {"source": source, "path": str((root / path).resolve()), **columns}

    def captions(path: str) -> str:
        return str((root / path).resolve())

    rows = [
        row("narrated", "narrated/hidden-elements.mp4", captions_path=captions("narrated/hidden-elements.vtt")),
        row(
            "narrated",
            "narrated/physicsworks_audio.webm",
            captions_path=captions("narrated/physicsworks.segments.json"),
        ),
        row("film", "film/googlework_short.mp4"),
        row("film", "film/tears-of-steel-battle-clip-medium.webm"),
        row("silent", "silent/bottle-detection.mp4"),
        row("silent", "silent/car-detection.mp4"),
        row("grid_dirty", "grid_dirty/srbb4n.mpg"),
    ]
    for source, most in (("silent", None), ("esc10", 24)):
        with (root / source / "labels.csv").open() as file:
            for line in itertools.islice(csv.DictReader(file), most):
                path = f"{source}/{line['path']}"
                if (root / path).is_file():
                    rows.append(row(source, path, caption=line["caption"]))
    return rows


def mixture(root: Path, folder: Path) -> DataConfig:
    """Shards of the rows below `root`, built in `folder`."""
    manifest = folder / "mixture.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["source", "path", "caption", "captions_path"])
        writer.writeheader()
        writer.writerows(manifest_rows(root))
    # As they are: WebM, Matroska, MPEG-1, Ogg and six channels of Opus reach the stream's own decoder.
    build(manifest, folder / "shards", BuildSettings(reencode="never"), workers=1)
    names = {name: SourceConfig(shards=str(folder / "shards" / "train" / f"{name}-*.tar")) for name in SOURCES}
    return DataConfig(sources=names, vocabulary=512)


def rows_of(batches: Sequence[Batch], source: str) -> list[tuple[str, Masks]]:
    """Key and masks of every row of a source."""
    return [
        (batch.keys[i], (bool(batch.video_mask[i]), bool(batch.audio_mask[i]), bool(batch.text_mask[i].any())))
        for batch in batches
        for i in range(len(batch))
        if batch.sources[i] == source
    ]


def loss_without_pairs(data: DataConfig) -> tuple[float, float]:
    """Loss of a batch of sounds with captions while no loss joins the two, and the largest of its gradients."""
    only = replace(data, sources={"esc10": data.sources["esc10"]})
    batch = next(iter(Stream(only, replace(CONFIG, global_batch=4), 0)))
    valid = {"video": batch.video_mask, "audio": batch.audio_mask, "text": batch.text_mask}
    video, audio = (torch.randn(4, 8, requires_grad=True) for _ in range(2))
    text = torch.randn(4, CONFIG.candidates, 8, requires_grad=True)
    embeddings = {"video_audio": (video, audio), "video_text": (video, text)}
    total = pair_losses(embeddings, valid, ObjectiveConfig()).total
    gradients = torch.autograd.grad(total, (video, audio, text))
    return float(total.detach()), max(float(gradient.abs().max()) for gradient in gradients)


MEASURES = measures(
    "01.4",
    ("batches of the mixture that came", f"== {BATCHES}", ""),
    ("rows whose masks differ from what their media hold", "== 0", ""),
    ("clips left out, each counted under its source and reason", "", ""),
    ("loss of a batch without any valid pair", "== 0", ""),
    ("largest gradient of that batch", "== 0", ""),
)


def run(options: Options) -> list[Figure]:
    """Five sources; the drops are printed by source and reason."""
    if options.data is None:
        raise NotRun("no real media; set VATT_HARMONY_DATA to the folder that holds them")
    with tempfile.TemporaryDirectory() as folder:
        data = mixture(options.data, Path(folder))
        batches = list(itertools.islice(Stream(data, CONFIG, 0), BATCHES))
        drops = sum((Counter(batch.drops) for batch in batches), Counter[str]())
        print(*(f"{name}: {count}" for name, count in sorted(drops.items())), sep="\n")
        wrong = sum(masks not in HELD[source] for source in SOURCES for _, masks in rows_of(batches, source))
        return measured(MEASURES, len(batches), wrong, drops.total(), *loss_without_pairs(data))


ROW = Row(id="01.4", title="five kinds of gaps in one mixture", takes="half a minute", measures=MEASURES, run=run)
