"""Films from a table or a folder: where each lies, what is said about it, and, if known, what belongs to what."""

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from vatt_harmony.align.data.labels import majority_labels
from vatt_harmony.align.sequence import AlignmentSequence, Floats, Stream, pairs_of
from vatt_harmony.align.sources.sentences import read_sentences
from vatt_harmony.align.sources.truth import Truth, read_truth
from vatt_harmony.downstream.items import Failures
from vatt_harmony.errors import UserError
from vatt_harmony.media.errors import MediaError
from vatt_harmony.shards.sample import VIDEO_EXTENSIONS

COLUMNS = ("path", "sentences", "split", "truth", "start", "end")
FILES = ("path", "sentences", "truth")
BESIDE = (".srt", ".vtt", ".json", ".csv", ".txt")
"""Kinds of sentence file, of which a film in a folder has the first that is there."""
SPLITS = ("train", "val", "test")
Shots = Callable[[Path, float, float], Floats]
"""(film, start, end in seconds) -> clips `[N, 2]`."""
Splits = dict[str, list[AlignmentSequence]]
"""Split -> films; their features have width 0 and are still to be made."""


def read_films(source: Path, shots: Shots, failures: Failures, *, times_are_truth: bool = False) -> Splits:
    """The films of a folder, or of a CSV with the columns path and sentences, perhaps split, truth, start, end (s).

    In a folder NAME.mp4 (or another film) has its sentences in NAME.srt, .vtt, .json, .csv or .txt; one without is
    counted in `failures`.
    Paths are relative to the table. A film without a split goes to test. `truth` names a JSON file with any of "clips",
    "spans" (of the sentences, null for none) and "pairs"; without pairs, a clip belongs to the sentence whose span
    covers more than half of it. `times_are_truth`: the times of the sentences are such spans. Films that cannot be
    read are counted in `failures`. Raises UserError for a table, a sentence file or a truth that is wrong.
    """
    films: Splits = defaultdict(list)
    owner: dict[str, str] = {}
    rows = _beside(source, failures) if source.is_dir() else list(_rows(source))
    stems = Counter(Path(row["path"]).stem for _, row in rows)
    for number, row in rows:
        path = Path(row["path"])
        split = row.get("split") or "test"
        if owner.setdefault(str(path), split) != split:
            raise UserError(
                f"{source}: {path} is in {owner[str(path)]} and in {split} (row {number})",
                "The aligner would be tested on a film it was trained on",
                "Give all parts of a film one split",
            )
        try:
            name = path.stem if stems[path.stem] == 1 else f"{path.stem}_{number}"
            films[split].append(_film(source, row, name, shots, times_are_truth))
        except MediaError as error:
            failures.add(f"film: {error.reason}", str(path))
    return dict(films)


def _beside(folder: Path, failures: Failures) -> list[tuple[int, dict[str, str]]]:
    """A row for each film of a folder that has sentences beside it, in the order of their names."""
    films = sorted(path for path in folder.iterdir() if path.suffix[1:].lower() in VIDEO_EXTENSIONS)
    if not films:
        raise UserError(
            f"{folder} holds no film",
            "Nothing was prepared",
            "Give a folder of NAME.mp4 with NAME.srt beside each, or a CSV with the columns path and sentences",
        )
    rows = []
    for number, film in enumerate(films, start=1):
        told = next(filter(Path.is_file, map(film.with_suffix, BESIDE)), None)
        if told is None:
            failures.add("film: no sentences beside it", str(film))
        else:
            rows.append((number, {"path": str(film), "sentences": str(told)}))
    return rows


def _rows(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _refusal(table, f"it cannot be read: {error}") from error
    names = [*rows[0]] if rows else []
    if not {"path", "sentences"} <= {*names}:
        raise _refusal(table, f"it has the columns {', '.join(map(str, names)) or 'none'}, not path and sentences")
    if unknown := [name for name in names if name not in COLUMNS]:
        raise _refusal(table, f"its column {unknown[0]!r} is not known")
    for number, row in enumerate(rows, start=2):
        if row.get("split") and row["split"] not in SPLITS:
            raise _refusal(table, f"row {number}: split is {row['split']!r}, one of {', '.join(SPLITS)}")
        if not (row["path"] and row["sentences"]):
            raise _refusal(table, f"row {number}: it has no path or no sentences")
        yield number, row | {name: str(table.parent / row[name]) for name in FILES if row.get(name)}


def _film(table: Path, row: dict[str, str], name: str, shots: Shots, times_are_truth: bool) -> AlignmentSequence:
    path = Path(row["path"])
    sentences = read_sentences(Path(row["sentences"]))
    truth = read_truth(Path(row["truth"]), len(sentences.texts)) if row.get("truth") else Truth()
    start, end = _seconds(table, row.get("start"), 0.0), _seconds(table, row.get("end"), math.inf)
    clips = shots(path, start, end) if truth.clips is None else truth.clips
    told = sentences.spans if times_are_truth else np.full_like(sentences.spans, np.nan)
    spans = told if truth.spans is None else truth.spans
    _check_times(path, clips, spans)
    pairs = truth.pairs
    if pairs is None and np.isfinite(spans).any():
        pairs = pairs_of(majority_labels(clips, spans))
    streams = (_stream("clips", clips), _stream("sentences", spans, sentences.texts))
    return AlignmentSequence(name=name, group=str(path), streams=streams, pairs=pairs, media=str(path.resolve()))


def _stream(name: str, spans: Floats, texts: tuple[str, ...] = ()) -> Stream:
    return Stream(name=name, spans=spans, texts=texts, features=np.zeros((len(spans), 0), np.float32))


def _check_times(path: Path, clips: Floats, spans: Floats) -> None:
    late = np.flatnonzero(spans[:, 0] >= clips[:, 1].max(initial=0.0))
    if len(late):
        raise UserError(
            f"Sentence {late[0]} of {path} begins at {spans[late[0], 0]:.3f} s, when its clips have ended "
            f"({clips[:, 1].max(initial=0.0):.3f} s)",
            "The times are of another film or another cut of it",
            "Give the sentences of this film, or leave out --times truth",
        )


def _seconds(table: Path, text: str | None, default: float) -> float:
    try:
        return float(text) if text else default
    except ValueError as error:
        raise _refusal(table, f"{text!r} is no number of seconds") from error


def _refusal(table: Path, what: str) -> UserError:
    return UserError(
        f"The table {table}: {what}",
        "Some or all of its films could not be prepared",
        f"Write a CSV with the columns path and sentences; of {', '.join(COLUMNS[2:])} those that you need",
    )
