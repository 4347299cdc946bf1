"""What alignments are scored against, of one film or of several that are joined to one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vatt_harmony.align.by_count import Pairs
from vatt_harmony.align.sequence import NULL, AlignmentSequence, Floats, Owners
from vatt_harmony.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What an alignment is scored against."""

    clips: Floats
    """`[N, 2]` seconds."""
    spans: Floats
    """Of the sentences, `[M, 2]` seconds; NaN for one that nothing shows."""
    pairs: Pairs | None
    """`[P, 2]`."""
    timed: bool
    """Whether time decides. Else `pairs` do: times are missing, or the first stream holds texts and no clips."""

    @property
    def partners(self) -> Pairs:
        """The pairs, where time does not decide; raises UserError where there are none."""
        if self.pairs is None:
            raise UserError(
                "There are neither times of all films nor pairs of all",
                "Not all of them can be scored in one way",
                "Give films of one kind of truth at a time",
            )
        return self.pairs

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
    """The truth of a sequence of two streams.

    Raises UserError where it has neither times nor pairs, and where something ends before it starts.
    """
    clips, sentences = sequence.clips, sequence.sentences
    timed = bool(not clips.texts and np.isfinite(clips.spans).all() and np.isfinite(sentences.spans).any())
    if not timed and sequence.pairs is None:
        raise UserError(
            f"The sequence {sequence.name} has neither times of its sentences nor pairs",
            "There is no truth to score against",
            "Prepare it with annotations, or use align predict, which needs none",
        )
    if timed and any((stream.spans[:, 1] < stream.spans[:, 0]).any() for stream in (clips, sentences)):
        raise UserError(
            f"A clip or sentence of {sequence.name} ends before it starts",
            "Its seconds would count as less than none",
            "Mend the annotation and prepare the sequence again",
        )
    return Truth(clips=clips.spans, spans=sentences.spans, pairs=sequence.pairs, timed=timed)


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
