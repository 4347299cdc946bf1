"""The demo's results in one place: what screen, report and figures are written from."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from vatt_harmony.demo.aligned import OWN, Aligned
from vatt_harmony.demo.analysis import Found, Visits, average_visits, found
from vatt_harmony.demo.finetuned import BALANCED, JOINT, SCRATCH, Finetuned
from vatt_harmony.demo.launch import cost
from vatt_harmony.demo.measure import Measured
from vatt_harmony.demo.truth import Clip, video_id
from vatt_harmony.downstream.intervals import Interval, recall_difference, recall_interval
from vatt_harmony.figures import Figure

FLOOR_TEXT, FLOOR_SOUND = 20, 5
"""Least R@1 of text to video and of video to audio, in multiples of chance."""
Curve = list[tuple[int, float]]


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Everything the demo has found out."""

    harmonized: Measured
    plain: Measured
    cosines: dict[str, list[float]]
    """Fault ("" = clean) -> mean cosine of each of its samples."""
    by_cosine: Found
    by_loss: Found
    overhead: float
    """Cost of the harmonized run over that of the plain one, minus 1."""
    overhead_by: str
    """What the overhead is measured by."""
    losses: dict[str, Curve]
    """`RUN PAIR` -> (step, loss)."""
    finetuned: Finetuned | None = None
    """The encoder on a few labelled clips; None before that stage."""
    aligned: Aligned | None = None
    """Films with their sentences; None before that stage."""
    seconds: float | None = None
    """Of the whole demo, all its starts; None before its end."""

    @property
    def difference(self) -> Interval:
        """Text-to-video R@1, harmonized minus plain, paired by clip."""
        return recall_difference(self.harmonized.retrieval("text_to_video"), self.plain.retrieval("text_to_video"), 1)

    def recall(self, direction: str) -> Interval:
        """R@1 of the harmonized run."""
        return recall_interval(self.harmonized.retrieval(direction), 1)

    @property
    def chance(self) -> float:
        """R@1 of a random order."""
        return 1 / len(self.harmonized.keys)


def figures(findings: Findings) -> list[Figure]:
    """The rows `01.1a` and on, of the stages that are done; the first three are the floor."""
    text, sound = findings.recall("text_to_video"), findings.recall("video_to_audio")
    shuffled, difference = findings.recall("shuffled"), findings.difference

    def row(letter: str, name: str, value: float | Interval, goal: str = "", unit: str = "") -> Figure:
        if isinstance(value, Interval):
            low, high, n = value.low, value.high, value.n
            return Figure(
                id=f"01.1{letter}", name=name, value=value.value, goal=goal, unit=unit, low=low, high=high, n=n
            )
        return Figure(id=f"01.1{letter}", name=name, value=value, goal=goal, unit=unit)

    rows = [
        row("a", "text to video R@1", text, f">= {FLOOR_TEXT * findings.chance:.6g}"),
        row("b", "video to audio R@1", sound, f">= {FLOOR_SOUND * findings.chance:.6g}"),
        row("c", "text to video R@1 lost when frames are shuffled in time", text.value - shuffled.value, "> 0"),
        row("d", "text to video R@1, harmonized minus plain", difference),
        row(
            "e", "planted faults found by cosine, wrong against hard (area under ROC)", findings.by_cosine.against_hard
        ),
        row("f", "planted faults found by loss, wrong against hard (area under ROC)", findings.by_loss.against_hard),
        row("g", f"overhead of harmonization ({findings.overhead_by})", findings.overhead),
    ]
    if findings.seconds is not None:
        rows.append(row("h", "the whole demo", findings.seconds / 60, "<= 10", "min"))
    if (aligned := findings.aligned) is not None:
        rows += [
            row("i", "films aligned with sentences, clip accuracy", aligned.accuracy[OWN]),
            row("j", f"the same by the best baseline ({aligned.best})", aligned.accuracy[aligned.best]),
            row("k", "clip accuracy, aligner minus the best baseline", aligned.differences[aligned.best]),
            row("l", "films aligned with sentences, sentence IoU", aligned.iou[OWN]),
        ]
    if (tuned := findings.finetuned) is not None:
        rows += [
            row("m", f"fine-tuned on {tuned.labelled} labelled clips with MLB, accuracy", tuned.accuracy[BALANCED]),
            row("n", "the same jointly, without balancing", tuned.accuracy[JOINT]),
            row("o", "the same with MLB from scratch", tuned.accuracy[SCRATCH]),
            row("p", "accuracy, MLB minus joint", tuned.differences[JOINT]),
            row("q", "accuracy, pretrained minus from scratch", tuned.differences[SCRATCH]),
            row("r", "Shapley value of the picture, MLB minus joint", tuned.picture[BALANCED] - tuned.picture[JOINT]),
        ]
    return rows


def broken_floors(rows: Sequence[Figure]) -> list[Figure]:
    """Those of the first three figures that do not hold."""
    return [figure for figure in rows[:3] if not figure.holds]


def visits_of(observations: pa.Table) -> Visits:
    """What the second half of a run says about each sample: the first half is spent learning to tell samples apart."""
    steps = _column(observations, "step")
    late = steps > steps.max() / 2
    keys = np.asarray(observations["key"].to_pylist(), dtype=str)[late]
    names = [name for name in observations.column_names if name.startswith("loss_")]
    losses = {name: _column(observations, name)[late] for name in names}
    return average_visits(keys.tolist(), _column(observations, "cosine")[late], losses)


def by_fault(visits: Visits, truth: dict[str, Clip]) -> tuple[dict[str, list[float]], Found, Found]:
    """Mean cosines by fault, and how well cosine (low = wrong) and loss (high = wrong) find the wrong samples."""
    faults = [truth[video_id(key)].fault for key in visits.keys]
    cosines: dict[str, list[float]] = defaultdict(list)
    for fault, cosine in zip(faults, visits.cosine.tolist(), strict=True):
        if cosine == cosine:
            cosines[fault].append(cosine)
    return dict(cosines), found(-visits.cosine, faults), found(visits.loss, faults)


def read_losses(run: Path) -> dict[str, Curve]:
    """Pair -> (step, loss) from a run's `metrics.jsonl`."""
    curves: dict[str, Curve] = defaultdict(list)
    prefix = "1 learning/loss/"
    for line in (run / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        for name, value in row.items():
            if name.startswith(prefix) and value is not None:
                curves[name.removeprefix(prefix)].append((row["step"], value))
    return dict(curves)


def overhead(harmonized: Path, plain: Path) -> tuple[float, str]:
    """Share by which the harmonized run in its folder cost more than the plain one, and by what that is measured."""
    if torch.cuda.is_available():
        return _step_seconds(harmonized) / _step_seconds(plain) - 1, "step time"
    return cost(harmonized).cpu_seconds / cost(plain).cpu_seconds - 1, "CPU time of all ranks"


def _step_seconds(run: Path) -> float:
    return float(json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["4 speed/step_seconds"])


def _column(table: pa.Table, name: str) -> npt.NDArray[np.float64]:
    values = table[name].to_pylist()
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
