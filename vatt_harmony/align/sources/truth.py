"""What belongs to what, and when: the truth about one film."""

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.sequence import Floats
from vatt_harmony.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What a truth file says; None where it says nothing."""

    clips: Floats | None = None
    """The film's clips `[N, 2]`, seconds."""
    spans: Floats | None = None
    """When what each sentence tells is seen `[M, 2]`, seconds; NaN for never."""
    pairs: NDArray[np.int64] | None = None
    """(clip, sentence) `[P, 2]`, sorted."""


KEYS = ("clips", "spans", "pairs")


def read_truth(path: Path, sentences: int) -> Truth:
    """Read {"clips": [[start, end], …], "spans": [[start, end] or null, …], "pairs": [[clip, sentence], …]}.

    Every key may be missing, but pairs need clips, since they count them from 0. Raises UserError for anything else.
    """
    try:
        told = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    _check_keys(path, told)
    try:
        truth = Truth(
            clips=_spans(told["clips"]) if "clips" in told else None,
            spans=_spans(told["spans"]) if "spans" in told else None,
            pairs=_pairs(told["pairs"]) if "pairs" in told else None,
        )
    except (ValueError, TypeError) as error:
        raise _unreadable(path, error) from error
    _check(path, truth, sentences)
    return truth


def _spans(rows: list[Any]) -> Floats:
    return np.array([(np.nan, np.nan) if row is None else row for row in rows], np.float64).reshape(-1, 2)


def _pairs(rows: list[Any]) -> NDArray[np.int64]:
    pairs = np.array(rows, np.int64).reshape(-1, 2)
    return pairs[np.lexsort(pairs.T[::-1])]


def _check_keys(path: Path, told: object) -> None:
    if not isinstance(told, dict):
        raise _refusal(path, f"it is a {type(told).__name__}, not a mapping with some of {', '.join(KEYS)}")
    for key in told:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            known = f"did you mean {near[0]!r}" if near else f"known are {', '.join(KEYS)}"
            raise _refusal(path, f"its key {key!r} is not known ({known})")


def _check(path: Path, truth: Truth, sentences: int) -> None:
    if truth.spans is not None and len(truth.spans) != sentences:
        raise _refusal(path, f"it has {len(truth.spans)} spans, and the film {sentences} sentences")
    if truth.clips is not None and not (truth.clips[:, 0] < truth.clips[:, 1]).all():
        raise _refusal(path, "a clip does not end after it begins")
    if truth.pairs is None:
        return
    if truth.clips is None:
        raise _refusal(path, "it has pairs but no clips for them to count")
    if ((truth.pairs < 0) | (truth.pairs >= [len(truth.clips), sentences])).any():
        raise _refusal(path, f"a pair is not one of {len(truth.clips)} clips and {sentences} sentences")


def _unreadable(path: Path, error: Exception) -> UserError:
    return _refusal(path, f"it cannot be read ({type(error).__name__}: {error})")


def _refusal(path: Path, what: str) -> UserError:
    return UserError(
        f"The truth {path}: {what}",
        "Clips would be taught, or judged by, the wrong sentences",
        'Write {"clips": [[start, end], …], "pairs": [[clip, sentence], …]}, counted from 0, times in seconds',
    )
