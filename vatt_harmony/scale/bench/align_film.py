"""Row 03.9: a whole film through `align predict`, in a process of its own."""

import tempfile
import time
from pathlib import Path

import numpy as np

from vatt_harmony.align.config import NetworkConfig
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.sequence import AlignmentSequence, Floats, Stream, save_sequences
from vatt_harmony.cli import main
from vatt_harmony.figures import Figure
from vatt_harmony.scale.bench.align_forcing import WIDTHS
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measured, measures
from vatt_harmony.scale.memory import in_own_process, peak_of_process

CLIPS, SENTENCES, JOINT = 1000, 600, 256
NETWORKS = {"as published": NetworkConfig(), "with a window of 3": NetworkConfig(window=3)}

MEASURES = measures(
    "03.9",
    ("align predict, 1,000 clips x 600 sentences, network as published, wall time", "< 10", "s"),
    ("its CPU time", "", "s"),
    ("peak memory of its process", "< 2", "GB"),
    ("with a window of 3 similarities, wall time", "< 10", "s"),
    ("its CPU time", "", "s"),
    ("peak memory of its process", "< 2", "GB"),
)


def write_film(folder: Path) -> None:
    """One film of random features, clips of four seconds, in `folder`/test."""
    generator = np.random.default_rng(0)

    def stream(name: str, count: int, width: int) -> Stream:
        features, joint = (generator.normal(size=(count, each)).astype(np.float32) for each in (width, JOINT))
        texts = tuple(f"Something happens for the {place}th time." for place in range(count))
        spans = _seconds(count) if name == "clips" else np.full((count, 2), np.nan)
        return Stream(name=name, spans=spans, features=features, joint=joint, texts=() if name == "clips" else texts)

    clips, sentences = stream("clips", CLIPS, WIDTHS[0]), stream("sentences", SENTENCES, WIDTHS[1])
    save_sequences(folder / "test", [AlignmentSequence(name="film", group="film", streams=(clips, sentences))])


def predicted(model: Path, data: Path, out: Path) -> tuple[int, float, float, float]:
    """Exit status of `align predict`, its seconds, those of CPU time, and the GB that this process held at most."""
    started = time.perf_counter(), time.process_time()
    status = main(["align", "predict", str(model), str(data), "--out", str(out), "--device", "cpu"])
    return status, time.perf_counter() - started[0], time.process_time() - started[1], peak_of_process() / 1e9


def run(options: Options) -> list[Figure]:
    """One process for each network, with random weights: the work does not depend on what they are."""
    values: list[float] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_film(folder / "data")
        for number, (name, network) in enumerate(NETWORKS.items()):
            NeuMatch(network, WIDTHS).save_pretrained(folder / f"model{number}")
            paths = (folder / f"model{number}", folder / "data", folder / f"out{number}")
            status, *figures = in_own_process(predicted, *paths)
            if status:
                raise NotRun(f"align predict ended with status {status}, network {name}")
            values += figures
    return measured(MEASURES, *values)


def _seconds(count: int) -> Floats:
    starts = 4 * np.arange(count, dtype=np.float64)
    return np.stack([starts, starts + 4], axis=1)


ROW = Row(
    id="03.9",
    title="align predict on a film of 1,000 clips and 600 sentences",
    takes="half a minute",
    measures=MEASURES,
    run=run,
)
