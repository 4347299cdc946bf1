"""Canonical time warping: warp, project both sides so that warped pairs correlate, and again until nothing changes."""

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.baselines.assignment import Assignment, cells_of, nearest
from vatt_harmony.align.baselines.dtw import warp
from vatt_harmony.align.baselines.joint import Joint
from vatt_harmony.align.sequence import Floats

ROUNDS = 50
DIMENSIONS = 10
"""Canonical directions at most."""


def assign(joint: Joint, ridge: float) -> Assignment:
    """The sentence of each clip; among several that a clip visits the nearest one in the joint space."""
    paths = warps(joint, ridge)
    return nearest(joint.distance, cells_of(paths[-1], joint.distance.shape))


def warps(joint: Joint, ridge: float, rounds: int = ROUNDS) -> list[NDArray[np.int64]]:
    """The path `[P, 3]` of every round: the last repeats an earlier one, or is that of round `rounds`.

    Zhou and De la Torre, NIPS 2009: in turn dynamic time warping of the projected features and a canonical correlation
    analysis of the warped ones, from the features as they are. `ridge`, as a share of the mean variance, is added to
    both variances.
    """
    clips, sentences = _coordinates(joint.clips), _coordinates(joint.sentences)
    paths = [warp(joint.distance)]
    while len(paths) < rounds:
        rows, columns = paths[-1][:, 0] - 1, paths[-1][:, 1] - 1
        to_clips, to_sentences = canonical_directions(clips[rows], sentences[columns], ridge)
        path = warp(_squared_distances(_centred(clips, rows) @ to_clips, _centred(sentences, columns) @ to_sentences))
        seen = any(np.array_equal(path, earlier) for earlier in paths)
        paths.append(path)
        if seen:
            break
    return paths


def canonical_directions(one: Floats, other: Floats, ridge: float) -> tuple[Floats, Floats]:
    """Directions `[A, K]` and `[B, K]` along which paired rows `[P, A]` and `[P, B]` correlate most; variance 1."""
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    whiten_one, whiten_other = _whitening(one, ridge), _whitening(other, ridge)
    left, _, right = np.linalg.svd(whiten_one.T @ (one.T @ other / len(one)) @ whiten_other, full_matrices=False)
    return whiten_one @ left[:, :DIMENSIONS], whiten_other @ right[:DIMENSIONS].T


def _whitening(rows: Floats, ridge: float) -> Floats:
    variance = rows.T @ rows / len(rows)
    floor = ridge * max(np.trace(variance) / len(variance), np.finfo(float).tiny)
    values, vectors = np.linalg.eigh(variance)
    whitening: Floats = vectors / np.sqrt(values.clip(min=0) + floor)
    return whitening


def _coordinates(rows: Floats) -> Floats:
    """The rows `[N, J]` in an orthonormal basis of their span `[N, min(N, J)]`: the same geometry, and less work."""
    coordinates: Floats = np.linalg.qr(rows.T)[1].T
    return coordinates


def _centred(rows: Floats, warped: NDArray[np.int64]) -> Floats:
    centred: Floats = rows - rows[warped].mean(axis=0)
    return centred


def _squared_distances(one: Floats, other: Floats) -> Floats:
    distances: Floats = np.square(one[:, None] - other[None]).sum(axis=2)
    return distances
