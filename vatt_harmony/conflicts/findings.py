"""What the evidence comes to, and how it is said; pure functions of columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.conflicts.chance import FEWEST_VISITS, Values, discoveries, p_below_zero
from vatt_harmony.model.pairs import PAIRS

RATE = 0.05
"""Share of the clips found that may be found by chance."""
_NAMES = {"video": "picture", "audio": "sound", "text": "caption"}


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Which clips disagree with themselves, and what that rests on."""

    total: int
    """Clips of the ledger."""
    compared: int
    """Of them, clips with at least one cosine."""
    judged: int
    """Of these, clips with visits enough, and a record of each visit, to tell conflict from chance."""
    below: int
    """Clips whose mean cosine is below zero, by chance or not."""
    found: NDArray[np.bool_]
    """Bool `[N]`, mean cosine below zero by more than chance explains."""
    visits: float
    """Median number of visits of the compared clips."""

    @property
    def count(self) -> int:
        """Clips found."""
        return int(self.found.sum())

    @property
    def by_chance(self) -> float:
        """Most clips among those found that are expected to be there by chance."""
        return RATE * self.count


def find(cosine: Values, deviation: Values, visits: NDArray[np.int64]) -> Findings:
    """Judge every clip by mean and standard deviation of its cosine over its visits, each `[N]`, NaN if unknown."""
    compared = np.isfinite(cosine)
    return Findings(
        total=len(cosine),
        compared=int(compared.sum()),
        judged=int((compared & np.isfinite(deviation) & (visits >= FEWEST_VISITS)).sum()),
        below=int((cosine < 0).sum()),
        found=discoveries(p_below_zero(cosine, deviation, visits), RATE),
        visits=float(np.median(visits[compared])) if compared.any() else 0.0,
    )


@dataclass(frozen=True)
class Sentence:
    """The finding; `strong` is what the eye should meet first."""

    lead: str
    strong: str
    rest: str

    def __str__(self) -> str:
        return self.lead + self.strong + self.rest


def sentence(findings: Findings, pairs: Sequence[str]) -> Sentence:
    """The finding in plain words; `pairs` are the losses that were compared."""
    lead = f"Of {_clips(findings.compared)}, "
    if findings.count:
        verb = "disagrees with itself" if findings.count == 1 else "disagree with themselves"
        return Sentence(lead, f"{findings.count:,} {verb}", f": {_contradiction(pairs)}.")
    if not findings.judged:
        leaning = "leans against itself" if findings.below == 1 else "lean against themselves"
        return Sentence(lead, f"{findings.below:,} {leaning}", ", by chance or not: that cannot be told yet.")
    return Sentence(lead, "none", " can be said to disagree with itself.")


def notes(findings: Findings, pairs: Sequence[str], signal: str, step: int) -> list[str]:
    """What the sentence rests on and what it does not say, a paragraph each."""
    asked = " and ".join(f"the loss between {_NAMES[a]} and {_NAMES[b]}" for a, b in (PAIRS[pair] for pair in pairs))
    told = [
        f"Each clip was met a median of {findings.visits:g} times in {step:,} steps. Every "
        f"time, what {asked} ask of the encoder was compared (signal {signal}): a cosine below zero means that what "
        "one asks for, the other takes back."
    ]
    if findings.judged:
        told.append(
            f"Below zero on average: {_clips(findings.below)}. Counted are those for which chance is no "
            f"explanation: {findings.count:,}, of which at most about {max(1, round(findings.by_chance)):,} may be "
            f"chance all the same (t-test on each clip’s visits, false discovery rate {RATE:.0%}, visits taken as "
            "independent)."
            if findings.count
            else f"Below zero on average: {_clips(findings.below)}, none by more than chance explains (t-test on "
            f"each clip’s visits, false discovery rate {RATE:.0%}). More visits would tell."
        )
    else:
        told.append(
            f"No clip has {FEWEST_VISITS} recorded visits, or the run kept no record of single visits "
            "(engine.observations), so conflict and chance cannot be told apart."
        )
    few, alone = findings.compared - findings.judged, findings.total - findings.compared
    if few and findings.judged:
        told.append(f"Shown, but not judged, for fewer than {FEWEST_VISITS} visits: {_clips(few)}.")
    if alone:
        told.append(f"Not shown, for want of two losses to compare: {alone:,} of {_clips(findings.total)}.")
    told.append(
        "A low cosine is a question, not a verdict: two descriptions may differ and both be right. "
        "Look and listen before you drop."
    )
    return told


def _contradiction(pairs: Sequence[str]) -> str:
    if len(pairs) != 2:
        return "picture, sound and caption do not tell the same story"
    (shared,) = set(PAIRS[pairs[0]]) & set(PAIRS[pairs[1]])
    first, second = (next(_NAMES[m] for m in PAIRS[pair] if m != shared) for pair in pairs)
    return f"the {first} says one thing, the {second} another"


def _clips(count: int) -> str:
    return f"{count:,} clip" if count == 1 else f"{count:,} clips"
