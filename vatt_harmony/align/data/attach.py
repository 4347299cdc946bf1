"""Give sequences their features: a reader knows the items, an encoder what they look like."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from vatt_harmony.align.sequence import AlignmentSequence, Features


def with_features(
    sequence: AlignmentSequence, features: Sequence[Features], joint: Sequence[Features] | None = None
) -> AlignmentSequence:
    """The sequence with features `[N_s, D_s]` and joint features `[N_s, J]` (or none) of each stream."""
    joints = [None] * len(sequence.streams) if joint is None else joint
    return replace(
        sequence,
        streams=tuple(
            replace(stream, features=own, joint=shared)
            for stream, own, shared in zip(sequence.streams, features, joints, strict=True)
        ),
    )


def encode_texts(sequence: AlignmentSequence, encode: Callable[[Sequence[str]], Features]) -> AlignmentSequence:
    """The sequence with `encode`'s features of its texts; where every stream has texts, they are joint ones too."""
    told = [bool(stream.texts) for stream in sequence.streams]
    features = [encode(stream.texts) if stream.texts else stream.features for stream in sequence.streams]
    return with_features(sequence, features, features if all(told) else None)
