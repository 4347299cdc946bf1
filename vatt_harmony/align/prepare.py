"""`align prepare`: films, annotations or captions into sequences with features."""

import argparse
import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vatt_harmony.align.data.attach import with_features
from vatt_harmony.align.data.joint import RidgeJoint, cross_fitted
from vatt_harmony.align.data.synthetic import Images, with_images
from vatt_harmony.align.features.choose import choose_encoders
from vatt_harmony.align.features.encode import encode_film
from vatt_harmony.align.features.encoder import ClipEncoder, TextEncoder
from vatt_harmony.align.features.kept import keep_media
from vatt_harmony.align.features.shots import detected_shots, fixed_windows
from vatt_harmony.align.prepare_options import PrepareOptions
from vatt_harmony.align.sequence import ABOUT, AlignmentSequence, Floats, save_sequences
from vatt_harmony.align.sources import annotated
from vatt_harmony.align.sources.films import SPLITS, Splits, read_films
from vatt_harmony.downstream.items import Failures
from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure, print_figures, write_figures
from vatt_harmony.model.processor import VattProcessor

LEAK = (
    "These features hold sound. In a narrated film the sound is the narration itself and tells where each sentence "
    "belongs: report such results in a row of their own."
)


def prepare_verb(options: argparse.Namespace) -> int:
    """`align prepare`: prints what was prepared and what was not, by reason; 1 when nothing was."""
    names = [field.name for field in dataclasses.fields(PrepareOptions)]
    given, failures = PrepareOptions(**{name: getattr(options, name) for name in names}), Failures()
    if given.sound:
        print(LEAK)
    prepared = prepare(given, failures)
    figures = prepared_figures(prepared, failures)
    print_figures(figures)
    for reason, where in sorted(failures.first.items()):
        print(f"first {reason}: {where}")
    print(f"sequences: {given.out}")
    if options.json:
        write_figures(figures, options.json)
    return 0 if any(prepared.values()) else 1


def prepare(options: PrepareOptions, failures: Failures) -> Splits:
    """Write the sequences of each split to `out/SPLIT` and return them; what could not be used is in `failures`.

    Raises UserError for sources that are wrong and encoders that cannot be had.
    """
    films = _read(options, failures)
    train = [text for film in films.get("train", []) for stream in film.streams for text in stream.texts]
    clips, texts = choose_encoders(options, train)
    encoded = _encoded(options, films, clips, texts, failures)
    if options.kind == "captions":
        encoded = {
            split: annotated.harder(each, [*encoded["train"], *each], options.variant, options.pieces, options.seed)
            for split, each in encoded.items()
        }
    _check_widths(encoded)
    shared, encoded = _with_joint(encoded)
    about = {"clips": clips.fingerprint if clips else "made", "texts": texts.fingerprint, "shared space": shared}
    _clear(options.out)
    for split, sequences in encoded.items():
        save_sequences(options.out / split, sequences, about | {"options": _plain(options)})
        if options.keep_media and options.encoder is not None:
            processor = VattProcessor.from_pretrained(options.encoder)
            keep_media(options.out / split, sequences, processor, sound=options.sound, short=options.short)
    return encoded


def prepared_figures(splits: Splits, failures: Failures) -> list[Figure]:
    """Sequences, items and pairs of each split, and what was left out, by reason."""
    counts: dict[str, int] = {}
    for split, sequences in splits.items():
        counts[f"{split}: sequences"] = len(sequences)
        for place, name in enumerate(stream.name for stream in sequences[0].streams) if sequences else ():
            counts[f"{split}: {name}"] = sum(sequence.lengths[place] for sequence in sequences)
        counts[f"{split}: pairs known"] = sum(len(each.pairs) for each in sequences if each.pairs is not None)
    counts |= {f"left out, {reason}": count for reason, count in sorted(failures.counts.items())}
    return [Figure(id=f"prepare.{name}", name=name, value=float(count)) for name, count in counts.items()]


def _read(options: PrepareOptions, failures: Failures) -> Splits:
    """The films without features."""

    def shots(path: Path, start: float, end: float) -> Floats:
        if options.shots == "detect":
            return detected_shots(path, start, end)
        return fixed_windows(path, options.window, start, end)

    if options.kind == "films":
        return read_films(options.source, shots, failures, times_are_truth=options.times == "truth")
    if options.kind == "yms":
        return annotated.yms(options.source, options.texts, options.media)
    if options.kind == "captions":
        return annotated.captions(options.source, options.seed, options.media)
    return annotated.tacos(options.source, options.partners, options.streams)


def _encoded(
    options: PrepareOptions, films: Splits, clips: ClipEncoder | None, texts: TextEncoder, failures: Failures
) -> Splits:
    if clips is not None:
        return {split: list(_seen(each, clips, texts, failures)) for split, each in films.items()}
    told = {split: _told(each, texts) for split, each in films.items()}
    if options.kind == "tacos":
        return told
    images = Images(width=options.width, noise=options.noise or 0.0, seed=options.seed)
    return {
        split: [with_images(film, images, annotated.others_than(film, [*told["train"], *each])) for film in each]
        for split, each in told.items()
    }


def _seen(
    films: Sequence[AlignmentSequence], clips: ClipEncoder, texts: TextEncoder, failures: Failures
) -> Iterator[AlignmentSequence]:
    """The films with features of clips and sentences, without those of which nothing is left."""
    for number, film in enumerate(films, start=1):
        print(f"film {number} of {len(films)}: {film.name}", flush=True)
        encoded = encode_film(film, clips, texts, failures)
        if encoded is not None:
            yield encoded


def _told(films: Sequence[AlignmentSequence], texts: TextEncoder) -> list[AlignmentSequence]:
    """The films with features of their texts, in one call; of a stream without texts of width 0.

    Where all streams have texts these features are also the shared space.
    """
    said = [text for film in films for stream in film.streams for text in stream.texts]
    rows = texts.texts("", said).features if said else np.zeros((0, 0), np.float32)
    ends = iter(np.cumsum([len(stream.texts) for film in films for stream in film.streams]).tolist())
    told, start = [], 0
    for film in films:
        features = []
        for stream in film.streams:
            end = next(ends)
            features.append(rows[start:end] if stream.texts else stream.features)
            start = end
        told.append(with_features(film, features, features if all(each.texts for each in film.streams) else None))
    return told


def _check_widths(splits: Splits) -> None:
    films = [film for each in splits.values() for film in each]
    for film in films[1:]:
        own, first = ([stream.features.shape[1] for stream in each.streams] for each in (film, films[0]))
        if own != first:
            raise UserError(
                f"The features of {film.name} are {own} wide, those of {films[0].name} {first}",
                "No network reads both",
                "Give features of one kind",
            )


def _with_joint(splits: Splits) -> tuple[str, Splits]:
    """Where the space that clips and sentences share comes from, and the sequences with it."""
    sequences = [sequence for each in splits.values() for sequence in each]
    if sequences and all(sequence.has_joint for sequence in sequences):
        return "the features' own", splits
    train = [sequence for sequence in splits.get("train", []) if sequence.pairs is not None and len(sequence.pairs)]
    if not train:
        return "none", splits
    ridge = RidgeJoint(train)
    mapped = {s: [ridge(film) for film in each] for s, each in splits.items() if s != "train"}
    return "ridge regression on the pairs of train, cross-fitted there", {
        "train": cross_fitted(splits["train"]),
        **mapped,
    }


def _clear(out: Path) -> None:
    """Take away the splits of an earlier run: what it had and this one has not would be read along."""
    for folder in (out / split for split in SPLITS):
        if (folder / ABOUT).is_file():
            shutil.rmtree(folder)


def _plain(options: PrepareOptions) -> dict[str, Any]:
    values = dataclasses.asdict(options)
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
