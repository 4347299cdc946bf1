"""Row 01.4: real media with every kind of gap (no text, no sound, no picture, silence, damage) in one mixture."""

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vatt_harmony.errors import UserError
from vatt_harmony.scale.bench.mixture import BATCHES, CONFIG, HELD, SOURCES, loss_without_pairs, mixture, rows_of
from vatt_harmony.stream.batch import Batch
from vatt_harmony.stream.capabilities import check_pairs
from vatt_harmony.stream.config import DataConfig
from vatt_harmony.stream.stream import Stream

PAIRS = {"video_audio": 1.0, "video_text": 1.0, "audio_text": 1.0}


@pytest.fixture(scope="module")
def data(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    return mixture(data_root, tmp_path_factory.mktemp("mixture"))


@pytest.fixture(scope="module")
def batches(data: DataConfig) -> list[Batch]:
    return list(itertools.islice(Stream(data, CONFIG, 0), BATCHES))


def test_every_source_has_its_share_of_every_batch(batches):
    for batch in batches:
        assert Counter(batch.sources) == dict.fromkeys(SOURCES, 2)


def test_masks_tell_what_is_there(batches):
    for source in SOURCES:
        assert {masks for _, masks in rows_of(batches, source)} == HELD[source]


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
    assert loss_without_pairs(data) == (0, 0)
