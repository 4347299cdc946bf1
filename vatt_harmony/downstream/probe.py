"""Linear probes: how well classes can be read from frozen features, fold by fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from vatt_harmony.downstream.probe_linear import fit_linear
from vatt_harmony.downstream.probe_low_rank import LOW_RANK, fit_low_rank
from vatt_harmony.downstream.probe_measures import Measure, Scored, measures
from vatt_harmony.downstream.probe_metrics import Array
from vatt_harmony.downstream.probe_sets import LabelledClip, ProbeSet
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.items import Split

Classifier = Literal["logistic", "svm", "lrc", "lrc-code"]
CLASSIFIERS: tuple[Classifier, ...] = ("logistic", "svm", "lrc", "lrc-code")
_SPLITS: tuple[Split, ...] = ("train", "val", "test")
Rows = Mapping[str, NDArray[np.float32]]
"""Key -> [1 + W, D]: the middle window, then those for tests."""


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """What a classifier reads from the features of one modality, or of several side by side."""

    features: str
    """`audio`, `video` or `video+audio`."""
    classifier: Classifier
    measures: dict[str, Measure]
    items: int
    """Tested items, over all folds."""
    strengths: tuple[float, ...]
    """C of each fold; empty for a classifier without one."""


def probe(
    labelled: ProbeSet,
    rows: Rows,
    features: str,
    classifier: Classifier,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> ProbeResult:
    """Fit on the middle window of each fold's training items, test on all test windows of its test items.

    `rows` has the clips that could be read. Probabilities of an item's windows are averaged (distances, for the SVM).
    Raises UserError for a fold that is left with nothing to fit, to choose or to test, or with a single class.
    """
    folds = [_fold(labelled, fold, rows, classifier, seed, device) for fold in labelled.folds]
    return ProbeResult(
        features=features,
        classifier=classifier,
        measures=measures([scored for scored, _ in folds], seed),
        items=sum(len(scored.truth) for scored, _ in folds),
        strengths=tuple(strength for _, strength in folds if strength is not None),
    )


def test_windows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The windows a clip is tested on: all but the middle one, or the only one."""
    return rows[1:] if len(rows) > 1 else rows


def side_by_side(parts: Sequence[Rows]) -> dict[str, NDArray[np.float32]]:
    """Rows of several modalities joined to one feature, of the clips that all of them have.

    Where one modality gives fewer windows than another, its last one is repeated.
    """
    joined = {}
    for key in [key for key in parts[0] if all(key in part for part in parts)]:
        count = max(len(part[key]) for part in parts)
        last = [np.minimum(np.arange(count), len(part[key]) - 1) for part in parts]
        joined[key] = np.concatenate([part[key][index] for part, index in zip(parts, last, strict=True)], axis=1)
    return joined


def _fold(
    labelled: ProbeSet,
    fold: Mapping[str, Split],
    rows: Rows,
    classifier: Classifier,
    seed: int,
    device: torch.device | str,
) -> tuple[Scored, float | None]:
    """Scores of the fold's test items, and the C that was chosen."""
    parts = {split: tuple(c for c in labelled.clips if fold.get(c.key) == split and c.key in rows) for split in _SPLITS}
    _check(labelled, parts)
    train, val = ((_middle(parts[split], rows), labelled.truth(parts[split])) for split in ("train", "val"))
    strength = None
    if classifier in LOW_RANK:
        fitted = np.concatenate([train[0], val[0]]), np.concatenate([train[1], val[1]])
        scorer = fit_low_rank(LOW_RANK[classifier], *fitted, seed, device)
    elif classifier in ("logistic", "svm"):
        scorer, strength = fit_linear(classifier, train, val)
    tested = [test_windows(rows[clip.key]) for clip in parts["test"]]
    scores = scorer(np.concatenate(tested).astype(np.float64))
    edges = np.cumsum([len(windows) for windows in tested])[:-1]
    averaged = np.stack([part.mean(axis=0) for part in np.split(scores, edges)])
    return Scored(averaged, labelled.truth(parts["test"])), strength


def _middle(clips: tuple[LabelledClip, ...], rows: Rows) -> Array:
    return np.stack([rows[clip.key][0] for clip in clips]).astype(np.float64)


def _check(labelled: ProbeSet, parts: Mapping[Split, tuple[LabelledClip, ...]]) -> None:
    for split, clips in parts.items():
        if not clips:
            raise UserError(
                f"{labelled.name}: no item of the {split} part could be read",
                "The probe cannot be fitted, chosen or tested",
                "See the reasons above; check the files of the set, or give another --modality",
            )
    if len({clip.classes for clip in parts["train"]}) < 2:
        raise UserError(
            f"{labelled.name}: all readable training items are of one class",
            "There is nothing to tell apart",
            "Check the labels and the files of the set",
        )
