"""Features for the items of a film, without those that have none."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.features.encoder import ClipEncoder, Rows, TextEncoder
from vatt_harmony.align.sequence import NULL, AlignmentSequence, Stream
from vatt_harmony.downstream.items import Failures
from vatt_harmony.errors import UserError
from vatt_harmony.media.errors import MediaError

Numbers = NDArray[np.int64]


def encode_film(
    film: AlignmentSequence, clips: ClipEncoder, texts: TextEncoder, failures: Failures
) -> AlignmentSequence | None:
    """The film with features; None when no clip or no sentence is left.

    Clips that give no features and sentences without a letter or a digit are left out, of the truth as well, and
    counted in `failures`. Raises UserError for features that are not finite.
    """
    try:
        found = list(clips.clips(film))
    except MediaError as error:
        failures.add(f"film: {error.reason}", film.media or film.name)
        return None
    for place, row in enumerate(found):
        if isinstance(row, str):
            failures.add(f"clip: {row}", f"{film.name}, clip {place}")
    shown = [row for row in found if isinstance(row, Rows)]
    said = [place for place, text in enumerate(film.sentences.texts) if any(map(str.isalnum, text))]
    for place in sorted({*range(len(film.sentences.texts))} - {*said}):
        failures.add("sentence: empty text", f"{film.name}, sentence {place}")
    if not shown or not said:
        failures.add(f"film: no {'sentence' if shown else 'clip'} left", film.name)
        return None
    kept = (np.array([place for place, row in enumerate(found) if isinstance(row, Rows)]), np.array(said))
    rows = (_stacked(shown), texts.texts(film.name, [film.sentences.texts[place] for place in said]))
    _check(film, rows)
    shared = all(row.joint is not None for row in rows)
    streams = [
        _filled(stream, places, row if shared else Rows(row.features))
        for stream, places, row in zip(film.streams, kept, rows, strict=True)
    ]
    return replace(film, streams=tuple(streams), pairs=_renumbered(film, kept))


def _stacked(rows: list[Rows]) -> Rows:
    joints = [row.joint for row in rows if row.joint is not None]
    return Rows(
        np.concatenate([row.features for row in rows]), np.concatenate(joints) if len(joints) == len(rows) else None
    )


def _check(film: AlignmentSequence, rows: tuple[Rows, ...]) -> None:
    for stream, row in zip(film.streams, rows, strict=True):
        values = row.features if row.joint is None else np.concatenate([row.features, row.joint], axis=1)
        broken = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(broken):
            raise UserError(
                f"{film.name}: the features of {len(broken)} of {len(values)} {stream.name} are not finite "
                f"(the first is number {broken[0]})",
                "Every figure that they enter would be NaN",
                "Look at the encoder's weights, or at the feature file",
            )


def _filled(stream: Stream, places: Numbers, rows: Rows) -> Stream:
    return replace(
        stream,
        spans=stream.spans[places],
        texts=tuple(stream.texts[place] for place in places) if stream.texts else (),
        features=rows.features,
        joint=rows.joint,
    )


def _renumbered(film: AlignmentSequence, kept: tuple[Numbers, ...]) -> Numbers | None:
    """The truth over the kept items; a pair that has lost a side is no pair."""
    if film.pairs is None:
        return None
    columns = []
    for column, places, stream in zip(film.pairs.T, kept, film.streams, strict=True):
        number = np.full(len(stream), NULL, dtype=np.int64)
        number[places] = np.arange(len(places))
        columns.append(number[column])
    pairs: Numbers = np.stack(columns, axis=1)
    return np.asarray(pairs[(pairs != NULL).all(axis=1)])
