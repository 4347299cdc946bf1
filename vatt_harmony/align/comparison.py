"""Which untrained rows stand in a table: by name, as far as the data defines them, tuned on validation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vatt_harmony.align.baselines.feature_free import FEATURE_FREE, READS_TIME
from vatt_harmony.align.baselines.registry import BASELINES
from vatt_harmony.align.baselines.tune import Tuned, tune
from vatt_harmony.align.config import Select
from vatt_harmony.align.sequence import AlignmentSequence
from vatt_harmony.align.table import Method
from vatt_harmony.errors import UserError

NAMES = (*FEATURE_FREE, *BASELINES)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Rows to compare with."""

    methods: Mapping[str, Method]
    left_out: Mapping[str, str]
    """Row -> why it is not defined here."""

    def parameters(self) -> dict[str, str]:
        """Row -> its tuned parameters in words."""
        return {name: method.describe() for name, method in self.methods.items() if isinstance(method, Tuned)}


def comparison(
    sequences: Sequence[AlignmentSequence],
    validation: Sequence[AlignmentSequence],
    names: Sequence[str] = NAMES,
    metric: Select = "accuracy",
    progress: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """The rows `names` for `sequences` of two streams; those that read similarities are tuned on `validation`.

    `progress` is told each row that is tuned.
    """
    methods: dict[str, Method] = {}
    left_out: dict[str, str] = {}
    for name in names:
        reason = _undefined(name, sequences, validation)
        if reason:
            left_out[name] = reason
        elif name in FEATURE_FREE:
            methods[name] = FEATURE_FREE[name]
        else:
            progress(name)
            methods[name] = tune(BASELINES[name], validation, metric)
    return Comparison(methods=methods, left_out=left_out)


def chosen_names(told: str) -> tuple[str, ...]:
    """ "all", "none", or names of rows between commas, in any case; raises UserError for another name."""
    if told in ("all", "none"):
        return NAMES if told == "all" else ()
    known = {name.lower(): name for name in NAMES}
    asked = [name.strip().lower() for name in told.split(",")]
    if unknown := [name for name in asked if name not in known]:
        raise UserError(
            f"There is no baseline {unknown[0]!r}", "Its row would be missing", f"Choose from {', '.join(NAMES)}"
        )
    return tuple(known[name] for name in asked)


def _undefined(
    name: str, sequences: Sequence[AlignmentSequence], validation: Sequence[AlignmentSequence]
) -> str | None:
    """Why the data does not define a row."""
    if name in READS_TIME and not all(np.isfinite(sequence.clips.spans).all() for sequence in sequences):
        return "times of clips are not known"
    if name == "word share" and not all(len(each.sentences.texts) == len(each.sentences) for each in sequences):
        return "there are no texts"
    if name in FEATURE_FREE:
        return None
    if not all(sequence.has_joint for sequence in (*sequences, *validation)):
        return "there are no features in a shared space"
    if not any(0 not in sequence.lengths for sequence in validation):
        return "there is no validation split to tune it on"
    return None
