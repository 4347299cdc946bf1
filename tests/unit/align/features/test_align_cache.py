"""The cache of clip features: what it computes, when it must not answer, what it does not keep."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from support.exports import make_export
from support.films import write_film

from vatt_harmony.align.features.cache import CachedClips
from vatt_harmony.align.features.encoder import Rows
from vatt_harmony.align.features.frozen import FrozenVatt
from vatt_harmony.align.features.vatt import clip_features
from vatt_harmony.align.sequence import AlignmentSequence, Stream
from vatt_harmony.model.loading import load_model

SPANS = [[0.0, 1.0], [1.0, 1.5], [1.5, 4.0]]


def film_of(path: Path, spans: list[list[float]] = SPANS) -> AlignmentSequence:
    stream = Stream(name="clips", spans=np.array(spans), features=np.zeros((len(spans), 0), np.float32))
    return AlignmentSequence(name="film", group="film", streams=(stream,), media=str(path))


class Counting:
    """An encoder that tells how many clips it was asked for."""

    fingerprint = "counting"

    def __init__(self, broken: float = -1.0) -> None:
        self.asked: list[int] = []
        self.broken = broken

    def clips(self, film: AlignmentSequence) -> Iterator[Rows | str]:
        self.asked.append(len(film.clips))
        for start in film.clips.spans[:, 0].tolist():
            yield "decode error" if start == self.broken else Rows(np.full((1, 2), start, np.float32))


def found(encoder: CachedClips, film: AlignmentSequence) -> list[float | str]:
    return [row if isinstance(row, str) else float(row.features[0, 0]) for row in encoder.clips(film)]


@pytest.fixture
def media(tmp_path: Path) -> Path:
    path = tmp_path / "film.bin"
    path.write_bytes(b"film")
    return path


def test_only_new_clips_are_computed(tmp_path: Path, media: Path) -> None:
    encoder = Counting()
    cached = CachedClips(encoder, tmp_path / "cache")
    assert found(cached, film_of(media)) == found(cached, film_of(media)) == [0.0, 1.0, 1.5]
    assert encoder.asked == [3]
    assert found(cached, film_of(media, [[1.0, 1.5], [5.0, 6.0], [0.0, 1.0]])) == [1.0, 5.0, 0.0]
    assert found(CachedClips(encoder, tmp_path / "cache"), film_of(media, [[5.0, 6.0]])) == [5.0]
    assert encoder.asked == [3, 1]


def test_a_changed_film_and_another_folder_are_computed_again(tmp_path: Path, media: Path) -> None:
    encoder = Counting()
    found(CachedClips(encoder, tmp_path / "cache"), film_of(media))
    media.write_bytes(b"another film")
    found(CachedClips(encoder, tmp_path / "cache"), film_of(media))
    found(CachedClips(encoder, tmp_path / "elsewhere"), film_of(media))
    assert encoder.asked == [3, 3, 3]


def test_failures_are_tried_again(tmp_path: Path, media: Path) -> None:
    encoder = Counting(broken=1.0)
    cached = CachedClips(encoder, tmp_path / "cache")
    assert found(cached, film_of(media)) == [0.0, "decode error", 1.5]
    encoder.broken = -1.0
    assert found(cached, film_of(media)) == [0.0, 1.0, 1.5]
    assert encoder.asked == [3, 1]


def test_the_cache_of_an_encoder_gives_its_features_and_a_changed_one_has_another(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", [1.0, 0.5, 2.5])
    model, processor = load_model(make_export(tmp_path)[1])
    encoders = [FrozenVatt(model, processor, mode="joint"), FrozenVatt(model, processor, mode="joint", short="stretch")]
    for encoder in encoders:
        cached = CachedClips(encoder, tmp_path / "cache")
        for _ in range(2):
            rows = [row.features for row in cached.clips(film_of(path)) if isinstance(row, Rows)]
            expected = clip_features(model, processor, path, SPANS, "joint", short=encoder.short)
            np.testing.assert_allclose(np.concatenate(rows), expected, atol=1e-5)
    with torch.no_grad():
        model.vatt.tokens["video"].agg[0] += 1e-3
    moved = FrozenVatt(model, processor, mode="joint")
    assert len({moved.fingerprint, *(encoder.fingerprint for encoder in encoders)}) == 3
    rows = [
        row.features for row in CachedClips(moved, tmp_path / "cache").clips(film_of(path)) if isinstance(row, Rows)
    ]
    np.testing.assert_allclose(np.concatenate(rows), clip_features(model, processor, path, SPANS, "joint"), atol=1e-5)
    model.vatt.head_stage.heads.video_to_va.layers[1].running_mean[0] += 1  # buffers count as well
    assert FrozenVatt(model, processor, mode="joint").fingerprint != moved.fingerprint
