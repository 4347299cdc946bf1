"""Row 01.4: real media with every kind of gap (no text, no sound, no picture, silence, damage) in one mixture."""

import csv
import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vatt_harmony.errors import UserError
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.objective.objective import pair_losses
from vatt_harmony.shards.build import build
from vatt_harmony.shards.plan import BuildSettings
from vatt_harmony.stream.batch import Batch
from vatt_harmony.stream.capabilities import check_pairs
from vatt_harmony.stream.config import DataConfig, SourceConfig, StreamConfig
from vatt_harmony.stream.stream import Stream

SOURCES = ("narrated", "film", "silent", "esc10", "grid_dirty")
PAIRS = {"video_audio": 1.0, "video_text": 1.0, "audio_text": 1.0}


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


@pytest.fixture(scope="module")
def data(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    folder = tmp_path_factory.mktemp("mixture")
    rows = manifest_rows(data_root)
    manifest = folder / "mixture.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["source", "path", "caption", "captions_path"])
        writer.writeheader()
        writer.writerows(rows)
    # As they are: WebM, Matroska, MPEG-1, Ogg and six channels of Opus reach the stream's own decoder.
    build(manifest, folder / "shards", BuildSettings(reencode="never"), workers=1)
    names = {name: SourceConfig(shards=str(folder / "shards" / "train" / f"{name}-*.tar")) for name in SOURCES}
    return DataConfig(sources=names, vocabulary=512)


CONFIG = StreamConfig(global_batch=10, frames=16, size=32, sample_rate=16000, workers=0, silence=1e-4)


@pytest.fixture(scope="module")
def batches(data: DataConfig) -> list[Batch]:
    return list(itertools.islice(Stream(data, CONFIG, 0), 12))


def rows_of(batches: list[Batch], source: str) -> list[tuple[str, tuple[bool, bool, bool]]]:
    """Key and masks (video, audio, any text) of every row of a source."""
    return [
        (batch.keys[i], (bool(batch.video_mask[i]), bool(batch.audio_mask[i]), bool(batch.text_mask[i].any())))
        for batch in batches
        for i in range(len(batch))
        if batch.sources[i] == source
    ]


def test_every_source_has_its_share_of_every_batch(batches):
    for batch in batches:
        assert Counter(batch.sources) == dict.fromkeys(SOURCES, 2)


def test_masks_tell_what_is_there(batches):
    assert {masks for _, masks in rows_of(batches, "esc10")} == {(False, True, True)}
    assert {masks for _, masks in rows_of(batches, "film")} == {(True, True, False)}
    assert {masks for _, masks in rows_of(batches, "grid_dirty")} == {(True, True, False)}
    silent = rows_of(batches, "silent")
    assert all(video and not audio for _, (video, audio, _) in silent)
    assert any(text for _, (_, _, text) in silent)
    assert sorted(dict(rows_of(batches, "narrated")).values()) == [(False, True, True), (True, True, True)]


def test_rows_behind_a_mask_are_zeros_and_the_others_are_not(batches):
    for batch in batches:
        for mask, rows in ((batch.video_mask, batch.video), (batch.audio_mask, batch.audio)):
            assert torch.equal(rows.flatten(1).any(dim=1), mask)
        assert torch.equal(batch.text.any(dim=-1), batch.text_mask)


def test_silence_is_counted_by_source_and_reason(batches):
    """Silent sound is masked; where it was all a clip had (pauses in ESC-10), another clip stands in its place."""
    totals = sum((Counter(batch.drops) for batch in batches), Counter())
    assert {name.partition("/")[2] for name in totals} == {"silent audio"}
    assert totals["silent/silent audio"] == sum("car-detection" in key for key, _ in rows_of(batches, "silent"))
    assert totals["silent/silent audio"] > 0


def test_the_mixture_repeats_itself_with_workers_and_ranks(data, batches):
    parts = [list(itertools.islice(Stream(data, replace(CONFIG, workers=rank), 0, rank, 2), 3)) for rank in range(2)]
    for whole, first, second in zip(batches[:3], *parts, strict=True):
        assert torch.equal(torch.cat([first.video, second.video]), whole.video)
        assert torch.equal(torch.cat([first.audio, second.audio]), whole.audio)


def test_sounds_with_captions_are_refused_while_no_loss_uses_them(data):
    sources = Stream(data, CONFIG, 0).sources
    check_pairs(sources, PAIRS)
    with pytest.raises(UserError, match="'esc10' can never form a pair"):
        check_pairs(sources, {**PAIRS, "audio_text": 0.0})


def test_a_batch_without_any_valid_pair_has_loss_and_gradient_zero(data):
    """Sounds with captions, and no loss between sound and text."""
    only = replace(data, sources={"esc10": data.sources["esc10"]})
    batch = next(iter(Stream(only, replace(CONFIG, global_batch=4), 0)))
    valid = {"video": batch.video_mask, "audio": batch.audio_mask, "text": batch.text_mask}
    video, audio = (torch.randn(4, 8, requires_grad=True) for _ in range(2))
    text = torch.randn(4, CONFIG.candidates, 8, requires_grad=True)
    losses = pair_losses({"video_audio": (video, audio), "video_text": (video, text)}, valid, ObjectiveConfig())
    assert losses.terms.keys() == {"video_audio", "video_text"}
    total = sum(losses.terms.values())
    assert total.item() == 0
    for gradient in torch.autograd.grad(total, (video, audio, text)):
        assert not gradient.any()
