"""The parameters of a baseline, chosen on validation sequences by one named metric."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vatt_harmony.align.baselines.assignment import Assignment
from vatt_harmony.align.baselines.feature_free import all_null
from vatt_harmony.align.baselines.joint import joint_of
from vatt_harmony.align.baselines.registry import Baseline, Setting, quantiles
from vatt_harmony.align.bootstrap import group_means
from vatt_harmony.align.config import Select
from vatt_harmony.align.metrics import measure
from vatt_harmony.align.sequence import AlignmentSequence, Owners
from vatt_harmony.align.truth import Truth, truth_of


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """A baseline with its parameters: a method for `evaluate_methods`."""

    baseline: Baseline
    setting: Setting
    threshold: float = np.inf
    """Distance above which a clip is null."""
    validation: float
    """Mean over the validation films of the metric it was tuned for."""

    def __call__(self, sequence: AlignmentSequence) -> Owners:
        """The sentence of each clip `[N]`; without clips or sentences all is null."""
        if 0 in sequence.lengths:
            return all_null(sequence)
        return self.baseline.assign(joint_of(sequence), self.setting).within(self.threshold)

    def describe(self) -> str:
        """Its parameters, such as "gamma 0.1, null above 0.62"."""
        parts = [f"{name} {value:.3g}" for name, value in zip(self.baseline.parameters, self.setting, strict=True)]
        if self.baseline.thresholded:
            parts.append("never null" if np.isinf(self.threshold) else f"null above {self.threshold:.3g}")
        return ", ".join(parts)


def tune(baseline: Baseline, validation: Sequence[AlignmentSequence], metric: Select) -> Tuned:
    """The setting, and threshold, with the best mean over films of `metric`; the first of equals.

    Raises ValueError when no validation sequence has clips and sentences.
    """
    filled = [sequence for sequence in validation if 0 not in sequence.lengths]
    if not filled:
        raise ValueError("no validation sequence has clips and sentences")
    return max(_tried(baseline, filled, metric), key=lambda tuned: tuned.validation)


def _tried(baseline: Baseline, sequences: Sequence[AlignmentSequence], metric: Select) -> Iterator[Tuned]:
    joints = [joint_of(sequence) for sequence in sequences]
    films = _Films([truth_of(sequence) for sequence in sequences], [sequence.group for sequence in sequences], metric)
    for setting in baseline.settings(joints):
        found = [baseline.assign(joint, setting) for joint in joints]
        for threshold in _thresholds(found) if baseline.thresholded else [np.inf]:
            value = films.mean([each.within(threshold) for each in found])
            yield Tuned(baseline=baseline, setting=setting, threshold=threshold, validation=value)


def _thresholds(found: Sequence[Assignment]) -> list[float]:
    """None at all, and costs that occur, about a fiftieth of the clips apart."""
    return [np.inf, *quantiles(np.concatenate([each.cost for each in found]), 51)]


@dataclass(frozen=True)
class _Films:
    truths: Sequence[Truth]
    groups: Sequence[str]
    metric: Select

    def mean(self, owners: Sequence[Owners]) -> float:
        """Mean over films; -inf where nothing could be measured."""
        values = [measure(truth, own, self.metric) for truth, own in zip(self.truths, owners, strict=True)]
        films = group_means(np.array(values)[:, None], self.groups)
        return float(np.nanmean(films)) if np.isfinite(films).any() else -np.inf
