"""Row 03.10: films with nothing in them, with far too much, or with nonsense, through the verbs of `align`."""

import contextlib
import io
import json
import re
import tempfile
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.config import NetworkConfig
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.sequence import AlignmentSequence, Features, Floats, Stream, save_sequences
from vatt_harmony.cli import main
from vatt_harmony.figures import Figure
from vatt_harmony.scale.bench.suite import Options, Row, measures

WIDTH = 8
MANY = 10_000
RECIPE = "configs/align/laptop.yaml"
Change = Callable[[AlignmentSequence], AlignmentSequence]


@dataclass(frozen=True)
class Case:
    """A film and what a verb is asked to do with it."""

    verb: str
    film: str
    refused: bool
    """Whether one message is the right answer; else an alignment is."""

    @property
    def name(self) -> str:
        """Such as "predict, no clips"."""
        return f"{self.verb}, {self.film}"


def film(clips: int, sentences: int, seed: int = 0) -> AlignmentSequence:
    """Clips of one second whose sentences follow one another, as evenly as the numbers allow."""
    generator = np.random.default_rng(seed)
    owners = np.arange(clips) * sentences // max(clips, 1)
    pairs = np.stack([np.arange(clips), owners], axis=1)[: clips if sentences else 0]
    meaning = generator.normal(size=(sentences, WIDTH)).astype(np.float32)
    seen = (meaning[owners] if sentences else np.zeros((clips, WIDTH))) + generator.normal(size=(clips, WIDTH)) / 2
    times = np.stack([np.arange(clips), np.arange(clips) + 1], axis=1).astype(np.float64)
    spans = np.full((sentences, 2), np.nan)
    for sentence in np.unique(owners[: len(pairs)]):
        own = times[owners == sentence]
        spans[sentence] = own[0, 0], own[-1, 1]
    return AlignmentSequence(
        name=f"film {seed}",
        group=f"film {seed}",
        streams=(
            _stream("clips", times, seen.astype(np.float32)),
            _stream("sentences", spans, meaning, tuple(f"What happens, part {number}." for number in range(sentences))),
        ),
        pairs=pairs.astype(np.int64),
    )


def _stream(name: str, spans: Floats, features: Features, texts: tuple[str, ...] = ()) -> Stream:
    return Stream(name=name, spans=spans, features=features, joint=features, texts=texts)


def _with(stream: int, **changes: Callable[[Any], Any]) -> Change:
    """A film whose stream has changed fields."""

    def change(whole: AlignmentSequence) -> AlignmentSequence:
        streams = list(whole.streams)
        fields = {name: function(getattr(streams[stream], name)) for name, function in changes.items()}
        streams[stream] = replace(streams[stream], **fields)
        return replace(whole, streams=tuple(streams))

    return change


def _nan(values: NDArray[Any]) -> NDArray[Any]:
    return np.where(np.arange(values.size).reshape(values.shape) == WIDTH + 1, np.nan, values).astype(values.dtype)


RIGHT: Mapping[str, AlignmentSequence] = {
    "no clips": film(0, 3),
    "no sentences": film(3, 0),
    "nothing at all": film(0, 0),
    "one clip, one sentence": film(1, 1),
    "one clip, nine sentences": film(1, 9),
    "10,000 sentences": film(50, MANY),
    "10,000 clips": film(MANY, 20),
    "unknown times": _with(0, spans=lambda spans: np.full_like(spans, np.nan))(film(6, 3)),
}
WRONG: Mapping[str, Change] = {
    "NaN features of a clip": _with(0, features=_nan),
    "NaN joint features of a sentence": _with(1, joint=_nan),
    "clips that end before they start": _with(0, spans=lambda spans: spans[:, ::-1]),
    "infinite times": _with(1, spans=lambda spans: np.where(np.isnan(spans), spans, np.inf)),
    "fewer times than clips": _with(0, spans=lambda spans: spans[:-1]),
    "more texts than sentences": _with(1, texts=lambda texts: (*texts, "One more.")),
    "features of another width": _with(1, features=lambda features: features[:, 1:]),
    "no shared space": _with(1, joint=lambda joint: joint[:, 1:]),
    "pairs of clips that are not there": lambda whole: replace(whole, pairs=np.array([[99, 0]])),
}
UNTRAINABLE: Mapping[str, Change] = {
    "pairs that cross": lambda whole: replace(whole, pairs=np.array([[0, 2], [1, 1]])),
    "a clip of two sentences": lambda whole: replace(whole, pairs=np.array([[0, 0], [0, 1]])),
    "no truth": lambda whole: replace(whole, pairs=None),
}
CASES = (
    *(Case(verb, name, refused=False) for verb in ("predict", "evaluate") for name in RIGHT),
    *(Case(verb, name, refused=True) for verb in ("predict", "evaluate") for name in WRONG),
    *(Case("train", name, refused=name != "features of another width") for name in WRONG),
    *(Case("train", name, refused=True) for name in (*UNTRAINABLE, "no clips", "no sentences", "nothing at all")),
    *(Case("train", name, refused=False) for name in ("one clip, one sentence", "one clip, nine sentences")),
    Case("train", "a film among empty ones", refused=False),
)


def sequences(name: str) -> list[AlignmentSequence]:
    """The films of a case."""
    if name == "a film among empty ones":
        return [film(9, 4), *(RIGHT[empty] for empty in ("no clips", "no sentences", "nothing at all"))]
    return [RIGHT[name] if name in RIGHT else {**WRONG, **UNTRAINABLE}[name](film(6, 3))]


def fault(case: Case, folder: Path) -> str | None:
    """What is wrong with the answer to a case; None if nothing is. `folder` is the case's own."""
    given = sequences(case.film)
    save_sequences(folder / "test", given)
    model = NeuMatch(NetworkConfig(width=WIDTH, window=2), [WIDTH, WIDTH])
    model.save_pretrained(folder / "model")
    data, run, out = str(folder / "test"), str(folder / "run"), folder / "out"
    arguments = {
        "train": ("train", RECIPE, "--data.train", data, "--data.val", data, "--train.epochs", "1", "--run", run),
        "predict": ("predict", str(folder / "model"), data, "--out", str(out)),
        "evaluate": ("evaluate", data, "--model", str(folder / "model")),
    }[case.verb]
    told = io.StringIO()
    try:
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
            status = main(["align", *arguments])
    except Exception:
        return "a traceback: " + traceback.format_exc().strip().splitlines()[-1]
    messages = len(re.findall(r"^error: ", told.getvalue(), flags=re.MULTILINE))
    if case.refused:
        return None if (status, messages) == (2, 1) else f"status {status}, {messages} messages"
    if status:
        return f"status {status}: {told.getvalue().strip().splitlines()[-1]}"
    return _misaligned(given, out) if case.verb == "predict" else None


def _misaligned(given: list[AlignmentSequence], out: Path) -> str | None:
    """Whether a record lacks items of its film."""
    for sequence, path in zip(given, sorted(out.glob("*.json")), strict=True):
        record = json.loads(path.read_text())
        if (len(record["clips"]), len(record["sentences"])) != sequence.lengths:
            return f"{path.name} tells of {len(record['clips'])} clips and {len(record['sentences'])} sentences"
    return None


MEASURES = measures("03.10", ("films of nothing, of too much or of nonsense that are not answered rightly", "== 0", ""))


def run(options: Options) -> list[Figure]:
    """One command a case; what is not as it should be is printed."""
    faults = {}
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            faults[case.name] = fault(case, Path(folder))
    for name, what in faults.items():
        if what is not None:
            print(f"{name}: {what}")
    return [replace(MEASURES[0], value=sum(what is not None for what in faults.values()), n=len(CASES))]


ROW = Row(
    id="03.10",
    title="empty films, huge ones, NaN features, times that do not fit",
    takes="two minutes",
    measures=MEASURES,
    run=run,
)
