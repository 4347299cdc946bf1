"""The classifiers of a probe, and how a fold is fitted, chosen and tested."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vatt_harmony.downstream.probe import probe, side_by_side
from vatt_harmony.downstream.probe_linear import STRENGTHS, fit_linear
from vatt_harmony.downstream.probe_low_rank import LOW_RANK, LowRankConfig, fit_low_rank
from vatt_harmony.downstream.probe_sets import LabelledClip, ProbeSet
from vatt_harmony.errors import UserError

WIDTH = 6


def clouds(items: int, seed: int, spread: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds; one coordinate is large and says nothing."""
    generator = np.random.default_rng(seed)
    labels = np.arange(items) % 3
    features = generator.normal(size=(items, WIDTH)) * spread
    features[np.arange(items), labels] += 1
    features[:, -1] = generator.normal(size=items) * 1000
    return features, np.eye(3, dtype=bool)[labels]


@pytest.mark.parametrize("kind", ["svm", "logistic"])
def test_linear_probe_is_standardised_and_chosen_on_validation(kind: str) -> None:
    scorer, strength = fit_linear(kind, clouds(30, 0), clouds(30, 1))  # type: ignore[arg-type]
    features, truth = clouds(60, 2)
    assert strength in STRENGTHS
    assert (scorer(features).argmax(1) == truth.argmax(1)).mean() > 0.9


def test_strength_follows_the_validation_items() -> None:
    """Contradicted by validation, the fit should be weak; where one class is rare in training alone, strong."""
    features, truth = clouds(30, 0)
    wrong = features, np.roll(truth, 1, axis=1)
    assert fit_linear("logistic", (features, truth), wrong)[1] == STRENGTHS[0]
    kept = truth[:, 0] | (np.arange(30) < 9)
    assert fit_linear("logistic", (features[kept], truth[kept]), (features, truth))[1] > STRENGTHS[0]


@pytest.mark.parametrize("kind", ["svm", "logistic"])
def test_a_class_without_training_items_is_never_the_answer(kind: str) -> None:
    features, truth = clouds(30, 0)
    two = ~truth[:, 1]
    scorer, _ = fit_linear(kind, (features[two], truth[two]), (features[two], truth[two]))  # type: ignore[arg-type]
    assert 1 not in scorer(features).argmax(1)


@pytest.mark.parametrize("kind", ["svm", "logistic"])
def test_several_classes_an_item(kind: str) -> None:
    features, truth = clouds(60, 0)
    truth[::5, 2] = True
    features[::5, 2] += 1
    scorer, _ = fit_linear(kind, (features, truth), (features, truth))  # type: ignore[arg-type]
    assert ((scorer(features) > (0.5 if kind == "logistic" else 0)) == truth).mean() > 0.9


@pytest.mark.parametrize("name", ["lrc", "lrc-code"])
def test_low_rank_classifier_learns_and_repeats(name: str) -> None:
    features, truth = clouds(60, 0)
    features[:, -1] = 0
    config = replace(LOW_RANK[name], steps=300, epochs=0, lr=5e-3, decay=0.001 * (name == "lrc-code"))
    scorer = fit_low_rank(config, features, truth, seed=0)
    assert (scorer(features).argmax(1) == truth.argmax(1)).mean() > 0.9
    assert np.array_equal(scorer(features), fit_low_rank(config, features, truth, seed=0)(features))


def test_low_rank_settings_are_those_of_paper_and_code() -> None:
    paper, code = LOW_RANK["lrc"], LOW_RANK["lrc-code"]
    assert (paper.rank, paper.keep, paper.lr, paper.batch, paper.steps, paper.epochs) == (128, 0.1, 5e-4, 64, 50000, 0)
    assert (code.rank, code.keep, code.mask, code.decay, code.epochs) == (128, 0.1, "sample", 0.1, 1000)


def test_low_rank_keeps_a_tenth_of_the_components() -> None:
    from vatt_harmony.downstream.probe_low_rank import _mask

    generator = torch.Generator().manual_seed(0)
    step = _mask(LowRankConfig(), 64, generator)
    assert step.shape == (1, 128) and int((step > 0).sum()) == 13 and float(step.mean()) == pytest.approx(1)
    sample = _mask(LOW_RANK["lrc-code"], 64, generator)
    assert sample.shape == (64, 128) and float(sample.mean()) == pytest.approx(1, abs=0.15)


def labelled() -> tuple[ProbeSet, dict[str, np.ndarray]]:
    """Two folds; the middle windows tell the classes, the test windows on average too, one by one not always."""
    features, truth = clouds(60, 0)
    features[:, -1] = 0
    clips = tuple(LabelledClip(key=str(i), classes=(int(truth[i].argmax()),), sources={}) for i in range(60))
    generator = np.random.default_rng(9)
    rows = {}
    for i in range(60):
        noise = generator.normal(size=(4, WIDTH)) * 1.5
        rows[str(i)] = np.concatenate([features[i : i + 1], features[i] + noise - noise.mean(0)]).astype(np.float32)
    folds = [[i % 2 == fold for i in range(60)] for fold in (0, 1)]
    splits = tuple({str(i): "test" if t else "val" if i < 12 else "train" for i, t in enumerate(f)} for f in folds)
    made = ProbeSet(name="made", classes=("a", "b", "c"), clips=clips, folds=splits, skipped={})  # type: ignore[arg-type]
    return made, rows


def test_probe_averages_windows_and_counts_items() -> None:
    made, rows = labelled()
    result = probe(made, rows, "video", "logistic")
    assert result.items == 60 and len(result.strengths) == 2 and result.measures["accuracy"].value > 0.9
    assert result.measures["accuracy"].error is not None
    single = {key: value[:1] for key, value in rows.items()}
    assert probe(made, single, "video", "logistic").measures["accuracy"].value > 0.9
    fewer = probe(made, {key: value for key, value in rows.items() if key != "1"}, "video", "svm")
    assert fewer.items == 59


def test_test_items_do_not_reach_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    made, rows = labelled()
    seen: list[np.ndarray] = []

    def watch(kind: str, train: tuple, val: tuple) -> object:
        seen.extend([train[0], val[0]])
        return fit_linear(kind, train, val)  # type: ignore[arg-type]

    monkeypatch.setattr("vatt_harmony.downstream.probe.fit_linear", watch)
    probe(made, rows, "video", "logistic")
    for fold, (train, val) in zip(made.folds, zip(seen[::2], seen[1::2], strict=True), strict=True):
        tested = np.stack([rows[key][0] for key, split in fold.items() if split == "test"])
        fitted = np.concatenate([train, val]).astype(np.float32)
        assert not (fitted[:, None] == tested[None]).all(axis=2).any()


def test_modalities_side_by_side() -> None:
    still, moving = {"a": np.ones((1, 2)), "b": np.ones((1, 2))}, {"a": np.arange(6.0).reshape(3, 2)}
    joined = side_by_side([moving, still])  # type: ignore[list-item]
    assert list(joined) == ["a"]
    assert joined["a"].tolist() == [[0, 1, 1, 1], [2, 3, 1, 1], [4, 5, 1, 1]]


def test_nothing_to_fit_is_told() -> None:
    made, rows = labelled()
    with pytest.raises(UserError, match="no item of the test part"):
        probe(made, {key: value for key, value in rows.items() if int(key) % 2}, "video", "svm")
    one = replace(made, clips=tuple(replace(clip, classes=(0,)) for clip in made.clips))
    with pytest.raises(UserError, match="all readable training items are of one class"):
        probe(one, rows, "video", "svm")
