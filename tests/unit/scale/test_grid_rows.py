"""The folds of the rows on real clips, and the regression they are compared with."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from vatt_harmony.scale.bench.grid import ROWS, audio_text
from vatt_harmony.scale.bench.grid_clips import FOLDS, Clips, manifest_rows
from vatt_harmony.scale.bench.ridge import kernel_ridge, log_mel_features, ridge_ranks, slot_words
from vatt_harmony.scale.bench.suite import NotRun, Options

RATE = 4000


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A table of 400 clips as the corpus has one."""
    with (tmp_path / "sentences.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ["path", "id", "sentence"])
        table.writeheader()
        table.writerows({"path": f"mp4/{i}.mp4", "id": f"c{i}", "sentence": f"bin blue {i}"} for i in range(400))
    return tmp_path


def test_every_clip_is_in_one_of_five_equal_folds(corpus: Path) -> None:
    rows = manifest_rows(corpus)
    assert Counter(row["split"] for row in rows) == {f"fold{fold}": 80 for fold in range(FOLDS)}
    assert len({row["video_id"] for row in rows}) == 400
    assert rows == manifest_rows(corpus)


def test_training_shards_leave_out_the_held_out_fold(tmp_path: Path) -> None:
    for fold in range(FOLDS):
        (tmp_path / f"fold{fold}").mkdir()
        for shard in range(5):
            (tmp_path / f"fold{fold}" / f"grid-{shard:06d}.tar").touch()
    clips = Clips(shards=tmp_path)
    for fold in range(FOLDS):
        pattern = Path(clips.others(fold)).relative_to(tmp_path)
        assert {path.parent.name for path in tmp_path.glob(str(pattern))} == {
            f"fold{other}" for other in range(FOLDS) if other != fold
        }
        assert clips.held_out(fold) == str(tmp_path / f"fold{fold}")
    assert not clips.few().startswith(clips.held_out(0))


def test_rows_without_media_say_so() -> None:
    with pytest.raises(NotRun, match="no real media"):
        audio_text(Options(data=None))
    assert [row.id for row in ROWS] == ["01.2", "01.3"]


def test_ridge_without_penalty_goes_through_its_points() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(20, 6)), draw.normal(size=(20, 3))
    np.testing.assert_allclose(kernel_ridge(x, y, x, 1e-10), y, atol=1e-6)
    assert np.abs(kernel_ridge(x, y, x, 10.0)).max() < np.abs(y).max()


def test_slot_words_tell_places_apart_and_ignore_padding() -> None:
    one, swapped, short = slot_words(torch.tensor([[2, 3], [3, 2], [2, 0]]), 4)
    assert one.sum() == 2
    assert one @ swapped == 0
    assert one @ short == short.sum() == 1


def test_ridge_finds_which_tone_was_said() -> None:
    time = torch.arange(RATE) / RATE
    draw = torch.Generator().manual_seed(0)

    def clips(words: torch.Tensor) -> torch.Tensor:
        halves = time.chunk(2)
        tones = [
            torch.cat([torch.sin(2 * torch.pi * 200 * w * half) for w, half in zip(row, halves, strict=True)])
            for row in words.tolist()
        ]
        return torch.stack(tones) + 0.01 * torch.randn(len(words), RATE, generator=draw)

    every = torch.cartesian_prod(torch.arange(1, 7), torch.arange(1, 7))
    held, seen = every[::5], every[torch.arange(36) % 5 != 0]
    assert log_mel_features(clips(held), RATE).shape == (len(held), 600)
    ranks = ridge_ranks(clips(seen), seen, clips(held), held, RATE)
    assert (ranks == 1).float().mean() >= 0.9
