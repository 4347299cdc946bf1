"""All baselines that read similarities, with the values among which validation chooses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from vatt_harmony.align.baselines import (
    ctw,
    double_drop_dtw,
    drop_dtw,
    dtw,
    minimum_distance,
    needleman_wunsch,
    otam,
    sinkhorn,
    soft_dtw,
)
from vatt_harmony.align.baselines.assignment import Assignment
from vatt_harmony.align.baselines.joint import Joint
from vatt_harmony.align.sequence import Floats, Owners

Setting = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One method and its parameters."""

    assign: Callable[[Joint, Setting], Assignment]
    """From features and a setting, for at least one clip and one sentence."""
    parameters: tuple[str, ...] = ()
    """Names of the values of a setting."""
    settings: Callable[[Sequence[Joint]], Sequence[Setting]] = lambda _: [()]
    """The settings to try, given the validation sequences."""
    thresholded: bool = False
    """The method matches every clip; clips that cost more than a threshold, tuned too, become null afterwards."""


def quantiles(values: Floats, count: int) -> list[float]:
    """`count` of the values, from the smallest to the largest, with equally many between; equal ones once."""
    some: list[float] = np.unique(np.quantile(values, np.linspace(0, 1, count), method="nearest")).tolist()
    return some


def _grid(*values: Sequence[float]) -> Callable[[Sequence[Joint]], Sequence[Setting]]:
    return lambda _: list(product(*values))


def _gaps(joints: Sequence[Joint]) -> Sequence[Setting]:
    """Half of distances of clips to their nearest sentences and of any two: a match costs less than two gaps."""
    near = np.concatenate([joint.distance.min(axis=1) for joint in joints])
    every = np.concatenate([joint.distance.ravel() for joint in joints])
    return [(distance / 2,) for distance in sorted({*quantiles(near, 16), *quantiles(every, 16)})]


def _sure(owners: Owners) -> Assignment:
    """Owners of a method that makes clips null by itself."""
    return Assignment(owners, np.zeros(len(owners)))


_KEEP = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)

BASELINES: Mapping[str, Baseline] = {
    "minimum distance": Baseline(
        assign=lambda joint, _: minimum_distance.assign(joint.distance),
        thresholded=True,
    ),
    "DTW": Baseline(
        assign=lambda joint, _: dtw.assign(joint.distance),
        thresholded=True,
    ),
    "soft-DTW": Baseline(
        assign=lambda joint, setting: soft_dtw.assign(joint.distance, *setting),
        parameters=("gamma",),
        settings=_grid((0.01, 0.03, 0.1, 0.3, 1.0)),
        thresholded=True,
    ),
    "CTW": Baseline(
        assign=lambda joint, setting: ctw.assign(joint, *setting),
        parameters=("ridge",),
        settings=_grid((1e-3, 1e-2, 1e-1, 1.0)),
        thresholded=True,
    ),
    "Drop-DTW": Baseline(
        assign=lambda joint, setting: _sure(drop_dtw.align(joint.distance, *setting)),
        parameters=("keep",),
        settings=_grid(_KEEP),
    ),
    "double Drop-DTW": Baseline(
        assign=lambda joint, setting: _sure(double_drop_dtw.align(joint.distance, *setting)),
        parameters=("keep", "temperature"),
        settings=_grid(_KEEP, (0.03, 0.1, 1.0, 10.0)),
    ),
    "OTAM": Baseline(
        assign=lambda joint, _: _sure(otam.align(joint.distance)),
    ),
    "Needleman-Wunsch": Baseline(
        assign=lambda joint, setting: _sure(needleman_wunsch.align(joint.distance, *setting)),
        parameters=("gap",),
        settings=_gaps,
    ),
    "Sinkhorn with a bucket": Baseline(
        assign=lambda joint, setting: _sure(sinkhorn.align(joint.distance, *setting)),
        parameters=("price", "capacity"),
        settings=_grid(np.linspace(0, 1, 11).tolist(), (1.0, 2.0, 4.0, 8.0)),
    ),
}
