"""Scores of one alignment of clips with sentences, and of many as if they were one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vatt_harmony.align import by_count
from vatt_harmony.align.by_count import one_to_one_accuracy, pair_scores, set_iou
from vatt_harmony.align.config import Select
from vatt_harmony.align.in_time import clip_accuracy, null_precision_recall, sentence_iou
from vatt_harmony.align.sequence import NULL, AlignmentSequence, Floats, Owners
from vatt_harmony.errors import UserError

__all__ = [
    "Scores",
    "Truth",
    "clip_accuracy",
    "joined",
    "measure",
    "null_precision_recall",
    "one_to_one_accuracy",
    "pair_scores",
    "score",
    "scores",
    "sentence_iou",
    "set_iou",
    "truth_of",
]

NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Fractions of one alignment; NaN where the data has nothing to measure, such as no null sentence."""

    accuracy: float
    """Clip accuracy: of the clips' time where the truth is in time, else of their number."""
    iou: float
    """Sentence intersection over union, in time or by number, mean over the sentences that have clips."""
    null_precision: float
    """Of the clips called null, the share that is, in time or by number."""
    null_recall: float
    """Of the null clips, the share called so, in time or by number."""
    null_text_precision: float
    """Of the sentences without a clip, the share that should have none, by number."""
    null_text_recall: float
    """Of the sentences that should have no clip, the share without one, by number."""
    clips_right: float
    """Share of clips with a right partner or rightly none."""
    sentences_right: float
    """Share of sentences with exactly their clips or rightly none."""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What an alignment is scored against."""

    clips: Floats
    """`[N, 2]` seconds."""
    spans: Floats
    """Of the sentences, `[M, 2]` seconds; NaN for one that nothing shows."""
    pairs: by_count.Pairs | None
    """`[P, 2]`."""
    timed: bool
    """Whether time decides. Else `pairs` do: times are missing, or the first stream holds texts and no clips."""

    @property
    def start(self) -> float:
        """Where the first clip or sentence starts, seconds; 0 without times."""
        known = self._times()
        return float(known.min()) if known.size else 0.0

    @property
    def seconds(self) -> float:
        """From the first start to the last end."""
        known = self._times()
        return float(known.max()) - self.start if known.size else 0.0

    def _times(self) -> Floats:
        times: Floats = np.concatenate([self.clips.ravel(), self.spans.ravel()])
        return times[np.isfinite(times)]


def truth_of(sequence: AlignmentSequence) -> Truth:
    """The truth of a sequence of two streams; raises UserError where it has neither times nor pairs."""
    clips, sentences = sequence.clips, sequence.sentences
    timed = bool(not clips.texts and np.isfinite(clips.spans).all() and np.isfinite(sentences.spans).any())
    if not timed and sequence.pairs is None:
        raise UserError(
            f"The sequence {sequence.name} has neither times of its sentences nor pairs",
            "There is no truth to score against",
            "Prepare it with annotations, or use align predict, which needs none",
        )
    return Truth(clips=clips.spans, spans=sentences.spans, pairs=sequence.pairs, timed=timed)


def scores(sequence: AlignmentSequence, owners: Owners) -> Scores:
    """Scores of the alignment `owners` `[N]` of a sequence of two streams."""
    return score(truth_of(sequence), owners)


def score(truth: Truth, owners: Owners) -> Scores:
    """Scores of the alignment `owners` `[N]`."""
    lengths = len(truth.clips), len(truth.spans)
    called = by_count.without_partner(owners[owners != NULL], lengths[1])
    right = (NAN, NAN) if truth.pairs is None else one_to_one_accuracy(owners, truth.pairs, lengths)
    if truth.timed:
        null = null_precision_recall(owners, truth.clips, truth.spans)
        null_texts = np.asarray(np.isnan(truth.spans).any(axis=1))
    else:
        assert truth.pairs is not None
        null = by_count.null_counts(owners == NULL, by_count.without_partner(truth.pairs[:, 0], lengths[0]))
        null_texts = by_count.without_partner(truth.pairs[:, 1], lengths[1])
    null_text = by_count.null_counts(called, null_texts)
    return Scores(
        accuracy=measure(truth, owners, "accuracy"),
        iou=measure(truth, owners, "iou"),
        null_precision=null[0],
        null_recall=null[1],
        null_text_precision=null_text[0],
        null_text_recall=null_text[1],
        clips_right=right[0],
        sentences_right=right[1],
    )


def measure(truth: Truth, owners: Owners, metric: Select) -> float:
    """One of the two figures that choices are made by, as in `Scores`."""
    if truth.timed:
        in_time = {"accuracy": clip_accuracy, "iou": sentence_iou}[metric]
        return in_time(owners, truth.clips, truth.spans)
    assert truth.pairs is not None
    lengths = len(truth.clips), len(truth.spans)
    if metric == "iou":
        return set_iou(owners, truth.pairs, lengths)
    return one_to_one_accuracy(owners, truth.pairs, lengths)[0]


def joined(truths: Sequence[Truth], owners: Sequence[Owners]) -> tuple[Truth, Owners]:
    """Films after one another as one, with its alignment: its scores pool over time instead of over films.

    Raises ValueError when there is none.
    """
    if not truths:
        raise ValueError("there is no film to join")
    clips = _starts([len(truth.clips) for truth in truths])
    sentences = _starts([len(truth.spans) for truth in truths])
    shifts = [later - truth.start for later, truth in zip(_starts([t.seconds for t in truths]), truths, strict=True)]
    pairs = [
        t.pairs + np.array([c, s]) for t, c, s in zip(truths, clips, sentences, strict=True) if t.pairs is not None
    ]
    truth = Truth(
        clips=np.concatenate([truth.clips + shift for truth, shift in zip(truths, shifts, strict=True)]),
        spans=np.concatenate([truth.spans + shift for truth, shift in zip(truths, shifts, strict=True)]),
        pairs=np.concatenate(pairs).astype(np.int64) if len(pairs) == len(truths) else None,
        timed=all(truth.timed for truth in truths),
    )
    moved = [np.where(own == NULL, NULL, own + first) for own, first in zip(owners, sentences, strict=True)]
    return truth, np.concatenate(moved).astype(np.int64)


def _starts(lengths: Sequence[float]) -> Floats:
    """Where each begins when they stand after one another."""
    return np.concatenate([[0], np.cumsum(lengths)[:-1]])
