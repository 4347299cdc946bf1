"""What a reader of figures would not guess from them, a line each."""

from collections.abc import Mapping, Sequence

from vatt_harmony.align.sequence import NULL, AlignmentSequence, Owners

SWAPPING = ("Drop-DTW", "OTAM")
"""Rows whose clips and sentences change places where there are more sentences than clips."""


def collapsed(name: str, split: str) -> str:
    """What it means that an aligner gives no clip of a split a sentence, and what may help."""
    return (
        f"collapsed: {name} gives no clip of the {split} films a sentence: its alignments are those of the row all "
        "null, so its figures say nothing about the features; try more epochs (train.epochs), network.window, such as "
        "3, or more films"
    )


def remarks_on(
    found: Mapping[str, Sequence[Owners]], sequences: Sequence[AlignmentSequence], split: str, trained: Sequence[str]
) -> list[str]:
    """Remarks on a table: which of the `trained` rows match nothing, and in which other rows the roles change.

    found: for each row the owners `[N]` of each of the `sequences` of two streams.
    """
    told = [collapsed(name, split) for name in trained if _matches_nothing(found[name])]
    swapping = [name for name in SWAPPING if name in found]
    crowded = sum(len(sequence.sentences) > len(sequence.clips) for sequence in sequences)
    if swapping and crowded:
        told.append(
            f"{', '.join(swapping)}: {crowded} of {len(sequences)} sequences have more sentences than clips; there "
            "the two change places, so that sentences are left out and no clip is"
        )
    return told


def _matches_nothing(alignments: Sequence[Owners]) -> bool:
    return any(len(owners) for owners in alignments) and all((owners == NULL).all() for owners in alignments)
