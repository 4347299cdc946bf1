"""One job of the GRID study from made features to records, and the clips as they are read from files."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.exports import write_clip
from vatt_harmony.align.baselines.feature_free import FEATURE_FREE
from vatt_harmony.align.baselines.registry import BASELINES as SIMILARITY
from vatt_harmony.scale.align_study import grid_runs
from vatt_harmony.scale.align_study.grid_corpus import FRAMES, RATE, SIZE, Corpus, Word, read_corpus
from vatt_harmony.scale.align_study.grid_embed import Embedded
from vatt_harmony.scale.align_study.grid_encoder import WINDOW
from vatt_harmony.scale.align_study.grid_films import make_films
from vatt_harmony.scale.align_study.grid_folds import Fold
from vatt_harmony.scale.align_study.grid_protocol import ARMS, BASELINES, Job
from vatt_harmony.scale.align_study.grid_protocol import WINDOW as ARM
from vatt_harmony.scale.align_study.grid_runs import run
from vatt_harmony.scale.align_study.grid_sequences import SHOWN, sequence_of

CLIPS = 20


@pytest.fixture(scope="module")
def fold() -> Fold:
    """Clips that look and sound like their sentences."""
    generator = torch.Generator().manual_seed(0)
    text = torch.randn(CLIPS, 16, generator=generator)
    windows = text[:, None] + 0.3 * torch.randn(CLIPS, FRAMES - WINDOW + 1, 16, generator=generator)
    embedded = Embedded(
        video=windows, audio=windows, video_tower=windows, audio_tower=windows, text=text, text_tower=text
    )
    words = tuple((Word(f"word{clip}", 0.0, 1.0),) for clip in range(CLIPS))
    corpus = Corpus(motion=torch.zeros(0), sound=torch.zeros(0), words=words)
    films = make_films(range(CLIPS), 5, np.random.default_rng(0), "film")
    sequences = [sequence_of(film, corpus, embedded, {c: c for c in range(CLIPS)}, SHOWN[1]) for film in films]
    return Fold(training=sequences, validation=sequences, test=sequences)


def test_every_baseline_is_tuned_tested_and_recorded(fold: Fold) -> None:
    records = run(Job(arm=BASELINES, shown=SHOWN[1], fold=0), fold)
    assert [record.method for record in records] == [*FEATURE_FREE, *SIMILARITY]
    scores = {record.method: np.mean(np.array(record.scores["accuracy"], float)) for record in records}
    assert scores["oracle"] == pytest.approx(1)
    assert scores["DTW"] > scores["diagonal by count"] + 0.2
    assert all(len(record.films) == len(fold.test) for record in records)


def test_a_trained_arm_is_recorded_and_the_same_when_made_again(fold: Fold, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = replace(ARMS[ARM], train=replace(ARMS[ARM].train, epochs=2), network=replace(ARMS[ARM].network, width=8))
    monkeypatch.setattr(grid_runs, "ARMS", {ARM: quick})
    job = Job(arm=ARM, shown=SHOWN[1], fold=0, seed=1)
    (one,), (other,) = run(job, fold), run(job, fold)
    assert (one.arm, one.method, one.chosen) == (ARM, ARM, "epoch 2")
    assert one.scores == other.scores
    (next_seed,) = run(replace(job, seed=2), fold)
    assert next_seed.validation != one.validation


def test_clips_are_read_with_their_words(tmp_path: Path) -> None:
    words = [["bin", 0.2, 0.5], ["blue", 0.5, 0.9]]
    with (tmp_path / "sentences.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "words_json"])
        for clip in range(2):
            write_clip(tmp_path / f"{clip}.mp4", seed=clip, seconds=3.2)
            writer.writerow([f"{clip}.mp4", json.dumps(words)])
    corpus = read_corpus(tmp_path)
    assert corpus.motion.shape == (2, FRAMES, SIZE, SIZE)
    assert corpus.sound.shape == (2, FRAMES * RATE // 25)
    assert corpus.sentences == ("bin blue", "bin blue")
    assert corpus.vocabulary == {"bin": 1, "blue": 2}
    assert not torch.equal(corpus.sound[0], corpus.sound[1])


def test_real_clips_move_and_speak(data_root: Path, tmp_path: Path) -> None:
    lines = (data_root / "grid" / "sentences.csv").read_text().splitlines()
    (tmp_path / "sentences.csv").write_text("\n".join([lines[0], lines[1], lines[-1]]) + "\n")
    for folder in ("mpg", "mp4"):
        (tmp_path / folder).symlink_to(data_root / "grid" / folder)
    corpus = read_corpus(tmp_path)
    assert all(len(words) == 6 for words in corpus.words)
    for clip, words in enumerate(corpus.words):
        speech = corpus.sound[clip, int(words[0].start * RATE) : int(words[-1].end * RATE)]
        assert speech.square().mean() > 5 * corpus.sound[clip, : int(words[0].start * RATE)].square().mean()
        assert corpus.motion[clip].std() > 0.1
