"""The runs of the study on ESC-10, on made sounds in its layout: parts, network, training, records."""

import csv
import tarfile
import wave
from pathlib import Path

import numpy as np
import pytest
import torch

from vatt_harmony.engine.parts import build_model
from vatt_harmony.engine.status import State, Status, write_status
from vatt_harmony.scale.esc_study import corpora, pretraining, runs
from vatt_harmony.scale.esc_study.network import SoundClassifier, spectrograms
from vatt_harmony.scale.esc_study.pretraining import network_config
from vatt_harmony.scale.esc_study.protocol import FOLDS, LOG_MEL, SCRATCH, UNTRAINED, Job
from vatt_harmony.scale.esc_study.records import read
from vatt_harmony.scale.esc_study.sounds import final_parts, read_sounds, tuning_parts
from vatt_harmony.scale.esc_study.train import Settings, answers, fit
from vatt_harmony.shards.index import open_source

RATE, SECONDS = 16000, 5
CLASSES = 3


@pytest.fixture(scope="module")
def esc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tones of three pitches, two of each in every fold, as files with a labels.csv."""
    root = tmp_path_factory.mktemp("esc10")
    generator = np.random.default_rng(1)
    with (root / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "class_id", "caption", "fold", "freesound_id", "clip_licence", "author"])
        for number in range(len(FOLDS) * CLASSES * 2):
            fold, label = FOLDS[number % len(FOLDS)], number % CLASSES
            tone = np.sin(2 * np.pi * 300 * 3**label * np.arange(RATE * SECONDS) / RATE)
            noisy = 0.5 * tone + 0.01 * generator.standard_normal(len(tone))
            name = f"{fold}-{number}-A.wav"
            with wave.open(str(root / name), "wb") as sound:
                sound.setparams((1, 2, RATE, 0, "NONE", ""))
                sound.writeframes((noisy * 32767).astype(np.int16).tobytes())
            rows.writerow([name, label, "a tone", fold, number, "CC0", "nobody"])
    return root


def test_parts_keep_the_test_fold_out(esc: Path) -> None:
    sounds = read_sounds(esc)

    assert sounds.waves.shape == (24, RATE * SECONDS)
    for fold in FOLDS:
        training, test = final_parts(sounds.folds, fold)
        tuned, held_out = tuning_parts(sounds.folds, fold)
        assert set(sounds.folds[test]) == {fold}
        assert set(tuned) | set(held_out) == set(training)
        assert not set(tuned) & set(held_out)
        assert len(set(sounds.folds[held_out])) == 1


def test_the_classifier_sees_what_the_model_sees(esc: Path) -> None:
    config = network_config()
    model = build_model(config, seed=1).eval()
    waves = torch.from_numpy(read_sounds(esc).waves[:3])

    features = SoundClassifier(model, CLASSES).eval().features(spectrograms(waves, config))

    assert torch.allclose(features, model.head_stage.features(model(audio=waves))["audio"], atol=1e-6)


def test_training_learns_pitches_and_repeats_itself(esc: Path) -> None:
    sounds, config = read_sounds(esc), network_config()
    seen, classes = spectrograms(torch.from_numpy(sounds.waves), config), torch.from_numpy(sounds.classes)
    training, test = final_parts(sounds.folds, 1)
    logits = []
    for epochs in (1, 1, 10):
        model = SoundClassifier(build_model(config, seed=1), CLASSES)
        fit(model, seen[training], classes[training], Settings(lr=1e-3, epochs=epochs), seed=3)
        logits.append(model(seen[test]))
    assert torch.equal(logits[0], logits[1])
    assert torch.equal(answers(model, seen[test]), classes[test])


def test_runs_are_made_once_and_tuned_once(esc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arms = (LOG_MEL, UNTRAINED, SCRATCH)
    chosen = [Job(arm=arm, fold=1, seed=seed) for seed in (1, 2) for arm in arms if (arm, seed) != (LOG_MEL, 2)]
    monkeypatch.setattr(runs, "jobs", lambda: chosen)
    monkeypatch.setattr(runs, "EPOCHS", (1,))

    runs.make(esc, tmp_path)
    runs.make(esc, tmp_path)  # nothing is left

    records = read(tmp_path)
    assert [(r.arm, r.seed) for r in records] == [(job.arm, job.seed) for job in chosen]
    assert [r.validation is None for r in records] == [False, False, False, True, True]
    assert records[0].right == [1] * 6
    assert records[4].chosen == records[2].chosen
    assert set(records[2].sounds) == {"1-0-A", "1-4-A", "1-8-A", "1-12-A", "1-16-A", "1-20-A"}


def test_pretraining_is_not_given_the_test_fold(esc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(pretraining, "VOICES", 1)
    monkeypatch.setattr(corpora, "VERSIONS", 1)
    monkeypatch.setattr(pretraining, "_pretrain", lambda run, shards, options: asked.append([str(shards), *options]))

    pretraining._continued(2, read_sounds(esc), tmp_path)

    voices, recordings = asked
    assert voices == [str(tmp_path / "voices" / "shards" / "train"), "--seed", "1"]
    assert recordings[1:3] == ["--init", str(tmp_path / "pretrained-voices-1")]
    heard = set()
    for shard in open_source(recordings[0]):
        with tarfile.open(shard) as tar:
            heard |= {Path(name).stem for name in tar.getnames()}
    assert len(heard) == 18
    assert not any(name.startswith("2-") for name in heard)


def test_a_pretraining_that_was_left_unfinished_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(pretraining, "VOICES", 1)
    monkeypatch.setattr(pretraining, "_pretrain", lambda run, shards, options: asked.append(run))
    run = tmp_path / "pretrained-voices-1"
    run.mkdir()
    states: tuple[State, ...] = ("preempted", "finished")
    for state in states:
        write_status(run, Status(state=state, step=1, of=2))
        assert pretraining._on_voices(1, tmp_path) == run
    assert asked == [run]


def test_a_pretraining_that_fails_tells_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="expected one argument"):
        pretraining._pretrain(tmp_path / "run", tmp_path / "shards", ["--init"])
