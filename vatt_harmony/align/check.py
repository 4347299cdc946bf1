"""Whether a sequence is what it says: as many spans as features, real numbers, pairs that exist."""

import numpy as np

from vatt_harmony.align.sequence import NULL, AlignmentSequence, Stream
from vatt_harmony.errors import UserError


def check_sequence(sequence: AlignmentSequence) -> None:
    """Raise UserError for the first thing that is wrong with a sequence; an empty stream is not wrong."""
    faults = [f"its {stream.name} have {fault}" for stream in sequence.streams for fault in _faults(stream)]
    faults += _between(sequence)
    if faults:
        raise UserError(
            f"The sequence {sequence.name} cannot be right: {faults[0]}",
            "Its alignment would be noise, or an error later on",
            "Correct what it was made from, and prepare it again",
        )


def _faults(stream: Stream) -> list[str]:
    count = len(stream.features)
    if stream.features.ndim != 2:
        return [f"features of shape {stream.features.shape}, not [N, D]"]
    if stream.spans.shape != (count, 2):
        return [f"{count} features, but times of shape {stream.spans.shape}"]
    told = [
        ("features that are not finite numbers", not np.isfinite(stream.features).all()),
        ("some items with a start or an end alone", (np.isnan(stream.spans).sum(1) == 1).any()),
        ("infinite times", np.isinf(stream.spans).any()),
        ("items that end before they start", (stream.spans[:, 1] < stream.spans[:, 0]).any()),
        (f"{len(stream.texts)} texts for {count} items", len(stream.texts) not in (0, count)),
    ]
    if stream.joint is not None:
        shaped = stream.joint.ndim == 2 and len(stream.joint) == count
        told.append((f"{count} features, but joint ones of shape {stream.joint.shape}", not shaped))
        told.append(("joint features that are not finite numbers", not np.isfinite(stream.joint).all()))
    return [what for what, wrong in told if wrong]


def _between(sequence: AlignmentSequence) -> list[str]:
    """What is wrong between its streams."""
    told, pairs, streams = list[str](), sequence.pairs, len(sequence.streams)
    widths = [stream.joint.shape[-1] for stream in sequence.streams if stream.joint is not None]
    if len(set(widths)) > 1:
        told.append(f"its joint features have the widths {widths}, which is no shared space")
    if pairs is not None and (pairs.ndim != 2 or pairs.shape[1] != streams):
        told.append(f"its pairs have the shape {pairs.shape}, not [P, {streams}]")
    elif pairs is not None and ((pairs < NULL) | (pairs >= np.array(sequence.lengths))).any():
        told.append(f"its pairs name items that are not there, of {' and '.join(map(str, sequence.lengths))}")
    return told
