"""Scores of one alignment of clips with sentences."""

from dataclasses import dataclass

import numpy as np

from vatt_harmony.align import by_count
from vatt_harmony.align.by_count import one_to_one_accuracy, pair_scores, set_iou
from vatt_harmony.align.config import Select
from vatt_harmony.align.in_time import clip_accuracy, null_precision_recall, sentence_iou
from vatt_harmony.align.sequence import NULL, AlignmentSequence, Owners, pairs_of
from vatt_harmony.align.truth import Truth, truth_of

NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Fractions of one alignment; NaN where the data has nothing to measure, such as no null sentence."""

    accuracy: float
    """Clip accuracy: of the clips' time where the truth is in time, else of their number."""
    iou: float
    """Sentence intersection over union, in time or by number, mean over the sentences that should have clips."""
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
    pairs_precision: float
    """Of the found pairs, the share that is true, by number."""
    pairs_recall: float
    """Of the true pairs, the share that was found."""
    pairs_f1: float
    """Harmonic mean of the two."""


def scores(sequence: AlignmentSequence, owners: Owners) -> Scores:
    """Scores of the alignment `owners` `[N]` of a sequence of two streams."""
    return score(truth_of(sequence), owners)


def score(truth: Truth, owners: Owners) -> Scores:
    """Scores of the alignment `owners` `[N]`; raises UserError for a truth with neither all times nor pairs."""
    lengths = len(truth.clips), len(truth.spans)
    called = by_count.without_partner(owners[owners != NULL], lengths[1])
    right = (NAN, NAN) if truth.pairs is None else one_to_one_accuracy(owners, truth.pairs, lengths)
    if truth.timed:
        null = null_precision_recall(owners, truth.clips, truth.spans)
        null_texts = np.asarray(np.isnan(truth.spans).any(axis=1))
    else:
        null = by_count.null_counts(owners == NULL, by_count.without_partner(truth.partners[:, 0], lengths[0]))
        null_texts = by_count.without_partner(truth.partners[:, 1], lengths[1])
    pairs = (NAN, NAN, NAN) if truth.pairs is None else pair_scores(pairs_of(owners), truth.pairs)
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
        pairs_precision=pairs[0],
        pairs_recall=pairs[1],
        pairs_f1=pairs[2],
    )


def measure(truth: Truth, owners: Owners, metric: Select) -> float:
    """One of the two figures that choices are made by, as in `Scores`; raises UserError as `score`."""
    if truth.timed:
        in_time = {"accuracy": clip_accuracy, "iou": sentence_iou}[metric]
        return in_time(owners, truth.clips, truth.spans)
    lengths = len(truth.clips), len(truth.spans)
    if metric == "iou":
        return set_iou(owners, truth.partners, lengths)
    return one_to_one_accuracy(owners, truth.partners, lengths)[0]
