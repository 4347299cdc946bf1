"""The demo's fine-tune on a miniature: which clips it takes, what it trains, what it keeps."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.exports import make_export

from vatt_harmony.demo import finetune as module
from vatt_harmony.demo.finetune import ARMS, finetune_encoder
from vatt_harmony.demo.finetuned import BALANCED, JOINT, SCRATCH
from vatt_harmony.demo.settings import DemoSettings
from vatt_harmony.demo.truth import read_truth
from vatt_harmony.media.demo_corpus import make_corpus
from vatt_harmony.stream.config import StreamConfig

STREAM = StreamConfig(
    global_batch=4, frames=12, fps=5.0, size=32, sample_rate=16000, words=6, candidates=2, workers=0, crop="center"
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> DemoSettings:
    """A corpus of few clips and an untrained encoder, where a demo of four steps would leave them."""
    settings = DemoSettings(out=tmp_path_factory.mktemp("demo"), steps=4, clips=64)
    make_corpus(settings.corpus, 0, train=48, test=8, unseen=2)
    make_export(settings.out, STREAM, patch=(12, 16, 16), audio_patch=800)[1].rename(settings.encoder)
    return settings


def test_three_trainings_of_equal_length(settings: DemoSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = read_truth(settings.corpus)
    found = finetune_encoder(settings, clips)
    assert found.labelled == 16 and found.chance <= 1 / 3
    assert set(found.accuracy) == {BALANCED, JOINT, SCRATCH} == set(found.picture)
    assert all(accuracy.n == 8 for accuracy in found.accuracy.values())
    for arm, difference in found.differences.items():
        expected = found.accuracy[BALANCED].value - found.accuracy[arm].value
        assert difference.value == pytest.approx(expected)
    results = [json.loads((settings.finetuning / arm / "result.json").read_text()) for arm in ARMS]
    assert len({result["updates"] for result in results}) == 1

    def never(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(module, "finetune", never)
    assert finetune_encoder(settings, clips) == found


def test_labels_are_the_truth_of_clean_clips(settings: DemoSettings) -> None:
    finetune_encoder(settings, clips := read_truth(settings.corpus))
    with (settings.finetuning / "clips.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} <= {"circle", "square", "triangle", "cross", "ring", "star"}
    for row in rows:
        clip = clips[Path(row["path"]).stem]
        assert not clip.fault and clip.form == row["label"]
        assert row["path"].endswith(f"test_{row['path'][-9:]}") == (row["split"] == "test")
    assert [sum(row["split"] == split for row in rows) for split in ("train", "val", "test")] == [16, 12, 8]


def test_the_trainings_differ_in_what_is_compared() -> None:
    settings = DemoSettings(out=Path("demo"), seed=3)
    balanced, joint, scratch = (module._config(settings, arm) for arm in (BALANCED, JOINT, SCRATCH))
    assert balanced.balance.rule == "mlb" and balanced.seed == 3
    assert joint == replace(balanced, balance=replace(balanced.balance, rule="none", options={}))
    assert not any(encoder.pretrained for encoder in scratch.encoders.values())
    assert replace(scratch, encoders=balanced.encoders) == balanced
    assert balanced.encoders["video"].weights == str(settings.encoder)
