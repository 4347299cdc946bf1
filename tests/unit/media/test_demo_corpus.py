"""The demo corpus: repeatable, with the splits, faults and sentences it promises."""

import csv
import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from vatt_harmony.media.decode import probe, read_window
from vatt_harmony.media.demo_attributes import MOTIONS, VISUAL, Attributes, all_looks
from vatt_harmony.media.demo_corpus import FAULTS, CorpusSummary, Recipe, captions_for, make_corpus, plan_corpus
from vatt_harmony.media.demo_picture import draw_clip
from vatt_harmony.media.demo_sentences import FULL, PARTIAL, WORDS
from vatt_harmony.media.demo_sound import play_clip

SMALL = {"train": 40, "test": 12, "unseen": 4, "size": 32, "seconds": 1.6, "sample_rate": 8000}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> CorpusSummary:
    return make_corpus(tmp_path_factory.mktemp("corpus"), 3, **SMALL)


def digest(root: Path) -> str:
    """Over decoded frames and samples, so that another build of the encoder's muxer does not matter."""
    total = hashlib.sha256((root / "manifest.csv").read_bytes() + (root / "truth.jsonl").read_bytes())
    for path in sorted((root / "clips").glob("*.mp4")):
        window = read_window(path, 0.0, 16, 10.0, 8000, size=32)
        assert window.video is not None and window.audio is not None
        total.update(window.video.tobytes() + window.audio.tobytes())
    return total.hexdigest()


def test_same_seed_same_content_at_any_number_of_workers(corpus: CorpusSummary, tmp_path: Path) -> None:
    assert digest(make_corpus(tmp_path / "again", 3, **SMALL, workers=2).root) == digest(corpus.root)
    assert digest(make_corpus(tmp_path / "other", 4, **SMALL).root) != digest(corpus.root)


def test_finished_corpus_is_kept_and_another_one_replaces_it(tmp_path: Path) -> None:
    assert make_corpus(tmp_path, 3, **SMALL).made
    assert not make_corpus(tmp_path, 3, **SMALL).made
    assert make_corpus(tmp_path, 3, **{**SMALL, "train": 8}).made
    assert len(list((tmp_path / "clips").glob("*.mp4"))) == 20


def test_files_and_manifest(corpus: CorpusSummary) -> None:
    with corpus.manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["split"] for row in rows) == corpus.clips == {"train": 40, "test": 12}
    assert len({row["video_id"] for row in rows}) == len(rows)
    assert all(len(json.loads(row["captions"])) == 5 for row in rows)
    info = probe(corpus.root / rows[0]["path"])
    assert (info.fps, info.height, info.width, info.sample_rate) == (10.0, 32, 32, 8000)
    assert info.common[1] - info.common[0] == pytest.approx(1.6, abs=0.03)


def test_default_splits_and_faults() -> None:
    plans = plan_corpus(0, 1024, 256, 64, 0.1)
    train = [plan for plan in plans if plan.split == "train"]
    test = [plan for plan in plans if plan.split == "test"]
    seen = {plan.truth.look() for plan in train}
    assert len({plan.truth.look() for plan in test}) == 256
    assert sum(plan.unseen for plan in test) == 64
    assert all((plan.truth.look() in seen) != plan.unseen for plan in test)
    assert Counter(plan.fault for plan in train) == {"": 616, **dict.fromkeys(FAULTS, 102)}
    assert not any(plan.fault for plan in test)


def test_faults_are_what_truth_says() -> None:
    plans = {plan.name: plan for plan in plan_corpus(1, 400, 20, 5, 0.2)}
    recipe = Recipe(seed=1, frames=8, size=32, sample_rate=8000)
    for plan in plans.values():
        told, heard = plan.told != plan.truth, plan.heard != plan.truth
        match plan.fault:
            case "caption swapped":
                other = plans[plan.swapped_from]
                assert plan.told == other.truth and not heard and plan.truth.differing_looks(plan.told) >= 3
                if other.told == other.truth:
                    assert captions_for(recipe, plan) == captions_for(recipe, other)
            case "half wrong":
                wrong = [name for name, value in plan.truth.as_dict().items() if plan.told.as_dict()[name] != value]
                assert len(wrong) == 3 and len(set(wrong) & set(VISUAL)) >= 2 and not heard
            case "sound swapped":
                assert plan.heard == plans[plan.swapped_from].truth and not told
                assert plan.truth.differing_looks(plan.heard) >= 3
            case _:
                assert not told and not heard


def test_sentences_fit_and_first_captions_of_the_test_split_are_distinct() -> None:
    recipe = Recipe(seed=0, frames=36, size=64, sample_rate=16000)
    plans = plan_corpus(0, 1024, 256, 64, 0.1)
    captions = {plan.name: captions_for(recipe, plan) for plan in plans}
    assert max(len(text.replace(",", " ,").split()) for texts in captions.values() for text in texts) <= 16
    first = [captions[plan.name][0] for plan in plans if plan.split == "test"]
    assert len(set(first)) == 256
    assert len({text for texts in captions.values() for text in texts}) > 2000
    assert all("{" + name + "}" in template for template in FULL for name in WORDS) and len(PARTIAL) >= 4


def test_no_word_means_two_values() -> None:
    words = Counter(word for values in WORDS.values() for choices in values.values() for word in choices)
    assert max(words.values()) == 1


@pytest.mark.parametrize(("one", "other"), [MOTIONS[0:2], MOTIONS[2:4], MOTIONS[4:6]])
def test_only_the_order_of_frames_tells_a_pair_apart(one: str, other: str) -> None:
    def clip(motion: str) -> np.ndarray:
        look = Attributes(colour="red", form="ring", motion=motion, size="large", sound="steady")
        return draw_clip(look, 12, 64, np.random.default_rng(5)).astype(int)

    assert np.abs(clip(one) - clip(other)[::-1]).max() <= 1
    assert np.abs(clip(one) - clip(other)).max() > 100


def test_pictures_and_sounds_differ_by_look() -> None:
    def spectrum(attributes: Attributes) -> np.ndarray:
        sound = play_clip(attributes, 16000, 16000, np.random.default_rng(0))
        return np.abs(np.fft.rfft(sound.reshape(10, 1600) * np.hanning(1600), axis=1)).ravel()

    looks = [Attributes(colour=c, form=f, motion=m, size=s, sound="steady") for c, f, m, s in all_looks()[::7]]
    spectra = np.stack([spectrum(look) for look in looks])
    spectra /= np.linalg.norm(spectra, axis=1, keepdims=True)
    similar = spectra @ spectra.T - np.eye(len(looks))
    assert similar.max() < 0.995, "two looks sound alike"


def test_hard_clips_are_dark(tmp_path: Path) -> None:
    summary = make_corpus(tmp_path, 0, **{**SMALL, "train": 40}, fault_fraction=0.25)
    rows = [json.loads(line) for line in summary.truth.read_text().splitlines()]
    bright = {
        row["video_id"]: read_window(tmp_path / "clips" / f"{row['video_id']}.mp4", 0, 8, 5.0, 8000, size=32).video
        for row in rows
    }
    peaks = {name: np.percentile(video.max(axis=-1), 99) for name, video in bright.items() if video is not None}
    assert max(peaks[row["video_id"]] for row in rows if row["fault"] == "hard") < 150
    assert min(peaks[row["video_id"]] for row in rows if row["fault"] != "hard") > 120


def test_impossible_counts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unseen 9"):
        make_corpus(tmp_path, 0, train=8, test=8, unseen=9)
    with pytest.raises(ValueError, match=r"fault_fraction 0\.3"):
        make_corpus(tmp_path, 0, train=8, test=8, unseen=1, fault_fraction=0.3)
