"""The last screen: seven lines, one histogram, three lines."""

from collections.abc import Mapping, Sequence

import numpy as np
from rich.console import Console

from vatt_harmony.align.predict import PAGE
from vatt_harmony.demo.aligned import OWN
from vatt_harmony.demo.findings import Findings, broken_floors
from vatt_harmony.demo.finetuned import BALANCED, JOINT, SCRATCH, Finetuned
from vatt_harmony.demo.settings import DemoSettings
from vatt_harmony.figures import Figure
from vatt_harmony.programs import program

WIDTH = 40
BINS = 16


def show(findings: Findings, settings: DemoSettings, console: Console) -> None:
    """Print what the demo has come to."""
    for line in [*finding_lines(findings, settings), "", *histogram(findings.cosines), "", *next_steps(settings)]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def finding_lines(findings: Findings, settings: DemoSettings) -> list[str]:
    """Retrieval, difference, faults, overhead, encoder, fine-tune, alignment."""
    text, sound = findings.recall("text_to_video").value, findings.recall("video_to_audio").value
    shuffled = findings.recall("shuffled").value
    gain, chance = findings.difference, findings.chance
    lines = [
        f"retrieval      text to video R@1 {text:.3f} ({text / chance:.0f} x chance; frames shuffled {shuffled:.3f}), "
        f"video to audio R@1 {sound:.3f} ({sound / chance:.0f} x chance)",
        f"harmonized     minus plain {gain.value:+.3f} text to video R@1, 95 % interval {gain.low:+.3f} … "
        f"{gain.high:+.3f} over {gain.n} clips; one seed",
        f"planted faults wrong against hard: area under ROC {findings.by_cosine.against_hard:.2f} by cosine, "
        f"{findings.by_loss.against_hard:.2f} by loss (0.5 = chance)",
        f"overhead       {findings.overhead:+.1%} ({findings.overhead_by}, harmonized over plain)",
        f"encoder        {settings.encoder}",
    ]
    if (tuned := findings.finetuned) is not None:
        lines.append(_finetuned(tuned))
    if (aligned := findings.aligned) is not None:
        own, other = aligned.accuracy[OWN].value, aligned.accuracy[aligned.best].value
        lines.append(
            f"alignment      clip accuracy {own:.2f} against {other:.2f} of the best baseline ({aligned.best}), "
            f"page {settings.alignment / PAGE}"
        )
    return lines


def _finetuned(tuned: Finetuned) -> str:
    balanced, joint, scratch = (tuned.accuracy[arm].value for arm in (BALANCED, JOINT, SCRATCH))
    return (
        f"fine-tuning    form from {tuned.labelled} labelled clips: accuracy {balanced:.2f} with MLB, "
        f"{joint:.2f} without balancing, {scratch:.2f} from scratch (chance {tuned.chance:.2f}); of that the picture "
        f"is worth {tuned.picture[BALANCED]:.2f}, {tuned.picture[JOINT]:.2f} without balancing; one seed"
    )


def histogram(cosines: Mapping[str, Sequence[float]]) -> list[str]:
    """Bars of the samples' mean cosines; the dark part of a bar are samples whose caption or sound is wrong."""
    values = {fault: np.asarray(part, dtype=np.float64) for fault, part in cosines.items() if len(part)}
    if not values:
        return ["no cosines were recorded"]
    everything = np.concatenate(list(values.values()))
    edges = np.linspace(everything.min(), max(everything.max(), everything.min() + 1e-6), BINS + 1)
    total = np.histogram(everything, edges)[0]
    right = np.concatenate([part for fault, part in values.items() if fault in ("", "hard")] or [np.empty(0)])
    wrong = total - np.histogram(right, edges)[0]
    scale = WIDTH / total.max()
    lines = [f"cosine between the losses' gradients, mean of each of {everything.size} clips (█ wrong, ░ right)"]
    for place in range(BINS):
        dark, full = round(wrong[place] * scale), round(total[place] * scale)
        bar = "█" * dark + "░" * (full - dark)
        lines.append(f"{(edges[place] + edges[place + 1]) / 2:+.3f} {bar} {total[place]}")
    return lines


def next_steps(settings: DemoSettings) -> list[str]:
    """Where to look, and what to do next."""
    return [
        f"watch the runs            {program('tensorboard')} --logdir {settings.out}",
        f"read the report           {settings.out / 'report.html'}",
        f"train on your own videos  {program('vatt-harmony')} shards build --manifest videos.csv --out shards/videos "
        "--hold-out 0.05, then ./launch/pretrain.sh configs/pretrain/vatt_ma_base_8gpu.yaml (README.md tells more)",
    ]


def verdict(rows: Sequence[Figure], settings: DemoSettings) -> str | None:
    """The floors that were not held, in a sentence; None when all were."""
    broken = broken_floors(rows)
    if not settings.checked or not broken:
        return None
    told = "; ".join(f"{figure.name} is {figure.value:.4g}, must be {figure.goal}" for figure in broken)
    return f"The demo fell below its floor: {told}."
