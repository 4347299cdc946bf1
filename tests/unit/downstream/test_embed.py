"""`embed`: what lands in the parts, resuming, counting, refusing."""

from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import torch
from support.exports import SENTENCES, make_export, write_clip, write_shard

from vatt_harmony.downstream import embed as module
from vatt_harmony.downstream.embed import embed
from vatt_harmony.errors import UserError
from vatt_harmony.media.decode import read_window
from vatt_harmony.model.hf import VattModel
from vatt_harmony.model.loading import load_model
from vatt_harmony.model.processor import VattProcessor

Loaded = tuple[VattModel, VattProcessor]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load_model(make_export(tmp_path_factory.mktemp("export"))[1])


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    for number in range(3):
        write_clip(folder / f"{number}.mp4", number)
    write_clip(folder / "quiet.mp4", 3, silent=True)
    (folder / "text.mp4").write_text("not a film")
    (folder / "notes.txt").write_text("left alone")
    return folder


def test_rows_equal_the_models_own_embeddings(loaded: Loaded, media: Path, tmp_path: Path) -> None:
    model, processor = loaded
    result = embed(model, processor, [media], tmp_path, windows=1)
    assert (result.parts, result.resumed, result.embedded) == (1, 0, 4)
    assert result.failures == {"container open": 1, "silent audio (window)": 1}
    first = {"container open": str(media / "text.mp4"), "silent audio (window)": str(media / "quiet.mp4")}
    assert result.first == first
    with np.load(tmp_path / "part_00000.npz", allow_pickle=False) as part:
        assert part["key"].tolist() == [str(media / name) for name in ("0.mp4", "1.mp4", "2.mp4", "quiet.mp4")]
        window = read_window(media / "1.mp4", 0.25, 4, 4.0, 8000, size=32)
        assert window.video is not None and window.audio is not None
        inputs = processor(video=window.video, audio=window.audio, sampling_rate=8000)
        with torch.no_grad():
            expected = model(**inputs)
        np.testing.assert_allclose(part["video_vt"][1], expected.video_vt[0], atol=1e-5)
        np.testing.assert_allclose(part["audio_va"][1], expected.audio_va[0], atol=1e-5)
        assert np.isnan(part["audio_va"][3]).all() and not np.isnan(part["video_va"]).any()
        assert np.isnan(part["text_vt"]).all()


def test_shard_gives_sentences_and_counts_what_is_broken(loaded: Loaded, tmp_path: Path) -> None:
    model, processor = loaded
    shard = write_shard(tmp_path / "made-000.tar", 3, tmp_path)
    result = embed(model, processor, [shard], tmp_path / "out", format="parquet", windows=2)
    assert result.embedded == 2 and sum(result.failures.values()) == 1
    assert [where.partition(": ")[0] for where in result.first.values()] == [str(shard)]
    table = pyarrow.parquet.read_table(tmp_path / "out" / "part_00000.parquet")
    assert table["key"].to_pylist() == ["made/0000", "made/0001"]
    expected = model.get_text_features(processor.encode(SENTENCES[:2])).detach().numpy()
    np.testing.assert_allclose(np.array(table["text_vt"].to_pylist()), expected, atol=1e-5)


def test_finished_parts_are_skipped(
    loaded: Loaded, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART_FILES", 2)
    seen: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(*loaded, [media], tmp_path, windows=1, progress=stop)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    result = embed(*loaded, [media], tmp_path, windows=1)
    assert seen == [(1, 3), (2, 3)] and (result.parts, result.resumed, result.embedded) == (3, 2, 4)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


def test_bad_inputs_are_told(loaded: Loaded, media: Path, tmp_path: Path) -> None:
    embed(*loaded, [media / "0.mp4"], tmp_path / "out", windows=1)
    with pytest.raises(UserError, match="windows differ"):
        embed(*loaded, [media / "0.mp4"], tmp_path / "out", windows=2)
    with pytest.raises(UserError, match="not made by embed"):
        embed(*loaded, [media / "0.mp4"], media)
    with pytest.raises(UserError, match=r"such as --out .*/e --format parquet"):
        embed(*loaded, [media / "0.mp4"], tmp_path / "e.parquet")
    with pytest.raises(UserError, match="does not exist"):
        embed(*loaded, [media / "missing.mp4"], tmp_path / "new")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no media file"):
        embed(*loaded, [tmp_path / "empty"], tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert embed(*loaded, [media / "notes.txt"], tmp_path / "none").embedded == 0
