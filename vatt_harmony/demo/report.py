"""`report.html`: the finding, the numbers, the plots and some retrieved clips in one file without outside parts."""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vatt_harmony.align.predict import PAGE
from vatt_harmony.demo.aligned import OWN, Aligned
from vatt_harmony.demo.findings import Findings, figures
from vatt_harmony.demo.finetuned import BALANCED, JOINT, SCRATCH, Finetuned
from vatt_harmony.demo.plots import cosine_plot, loss_plot
from vatt_harmony.demo.settings import DemoSettings
from vatt_harmony.demo.truth import Clip, video_id
from vatt_harmony.figures import Figure
from vatt_harmony.media.decode import open_media

EXAMPLES = 8
ANSWERS = 3
FRAMES, FPS, SIZE = 4, 1.2, 64
TRAININGS = {BALANCED: "balanced by MLB", JOINT: "joint, without balancing", SCRATCH: "MLB, from scratch"}

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>vatt_harmony demo</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }}
table {{ border-collapse: collapse }} td, th {{ padding: .25em .8em; text-align: left; border-bottom: 1px solid #ddd }}
.right {{ outline: 3px solid #2e9e4f }} .bad {{ color: #c0392b }} img {{ margin: 1px; vertical-align: middle }}
svg {{ max-width: 100%; height: auto }}
</style>
<h1>{finding}</h1>
<p>{setting}</p>
<h2>Figures</h2>{figures}
<h2>Losses</h2>{losses}
<h2>Where the losses of a sample agree</h2>
<p>A cosine below zero: what one loss asks of the encoder, the other takes back. Mean over the visits of the second
half of the harmonized run, by the fault that was planted in the clip.</p>{cosines}
{finetune}
{alignment}
<h2>Text to video, held-out clips</h2>
<p>Each caption and the clips it finds, best first; the clip it was written for is framed.</p>{examples}
</html>
"""

_FINETUNE = """<h2>Fine-tuned on {labelled} labelled clips</h2>
<p>The encoder learns which shape a clip shows, seen as an outline and heard as a timbre, from few labels: with its
modalities balanced by MLB, jointly without balancing, and with MLB from random values; the same clips, steps and rates,
one seed. Tested once on the held-out clips. The value of the picture, the harder of the two for this encoder, is its
Shapley value: what it adds to the accuracy.</p>
<table><tr><th>training<th>accuracy<th>95 %, over clips<th>value of the picture</tr>{rows}</table>
"""

_ALIGNMENT = """<h2>Films aligned with their sentences</h2>
<p>{films} films of held-out clips, cut into shots; some shots have no sentence, some sentences no shot. The encoder is
frozen. The aligner was trained on films of training clips; its epoch, and the baselines' thresholds, were chosen on
films of other held-out clips. <a href="{page}">Look at the films and where each sentence was put</a>.</p>
<table><tr><th>method<th>clip accuracy<th>95 %, over films<th>sentence IoU</tr>{rows}</table>
"""


def write_report(findings: Findings, settings: DemoSettings, clips: Mapping[str, Clip]) -> Path:
    """Write `report.html` into the demo's folder; `clips` is the corpus by video id."""
    text = findings.recall("text_to_video").value
    page = _PAGE.format(
        finding=f"A caption finds its clip among {len(findings.harmonized.keys)} in {text:.0%} of cases "
        f"({text / findings.chance:.0f} × chance)",
        setting=f"Seed {settings.seed}, {settings.clips} training clips, one harmonized and one plain run of equal "
        f"length{_minutes(findings)}.",
        figures=_table(figures(findings)),
        losses=loss_plot(findings.losses),
        cosines=cosine_plot(findings.cosines),
        finetune=_finetune(findings.finetuned),
        alignment=_alignment(findings.aligned, settings),
        examples=_examples(findings, clips),
    )
    path = settings.out / "report.html"
    path.write_text(page)
    return path


def _minutes(findings: Findings) -> str:
    return "" if findings.seconds is None else f", {findings.seconds / 60:.1f} minutes"


def _finetune(tuned: Finetuned | None) -> str:
    if tuned is None:
        return ""
    rows = "".join(
        f"<tr><td>{TRAININGS[arm]}<td>{accuracy.value:.3f}<td>{accuracy.low:.3f} … {accuracy.high:.3f}"
        f"<td>{tuned.picture[arm]:.3f}</tr>"
        for arm, accuracy in tuned.accuracy.items()
    )
    return _FINETUNE.format(labelled=tuned.labelled, rows=rows)


def _alignment(aligned: Aligned | None, settings: DemoSettings) -> str:
    if aligned is None:
        return ""
    rows = "".join(
        f"<tr><td>{html.escape(name)}<td>{accuracy.value:.3f}<td>{accuracy.low:.3f} … {accuracy.high:.3f}"
        f"<td>{aligned.iou[name].value:.3f}</tr>"
        for name, accuracy in aligned.accuracy.items()
    )
    return _ALIGNMENT.format(
        films=aligned.accuracy[OWN].n, page=(settings.alignment / PAGE).relative_to(settings.out), rows=rows
    )


def _table(rows: Sequence[Figure]) -> str:
    cells = "".join(
        f"<tr><td>{row.id}<td>{html.escape(row.name)}<td>{_number(row.value)} {row.unit}<td>{_interval(row)}"
        f"<td>{html.escape(row.goal)}<td{'' if row.holds else ' class=bad'}>{'yes' if row.holds else 'no'}</tr>"
        for row in rows
    )
    return f"<table><tr><th>id<th>figure<th>value<th>95 %<th>goal<th>holds</tr>{cells}</table>"


def _number(value: float | None) -> str:
    return "not run" if value is None else f"{value:.4g}"


def _interval(row: Figure) -> str:
    return "" if row.low is None or row.high is None else f"{row.low:.3f} … {row.high:.3f}"


def _examples(findings: Findings, clips: Mapping[str, Clip]) -> str:
    keys = findings.harmonized.keys
    chosen = [keys[place] for place in np.linspace(0, len(keys) - 1, min(EXAMPLES, len(keys)), dtype=int)]
    rows = []
    for key in chosen:
        clip = clips[video_id(key)]
        pictures = "".join(
            f"<td{' class=right' if answer == key else ''}>{_strip(clips[video_id(answer)].path)}"
            for answer in findings.harmonized.top[key][:ANSWERS]
        )
        note = " <i>(unseen combination)</i>" if clip.unseen else ""
        rows.append(f"<tr><td>{html.escape(clip.captions[0])}{note}{pictures}</tr>")
    return f"<table>{''.join(rows)}</table>"


def _strip(path: Path) -> str:
    """A few frames of a clip side by side, as an embedded PNG."""
    with open_media(path) as media:
        start = media.info.common[0]
        video = media.read_window(start, FRAMES, FPS, 16000, height=SIZE, width=SIZE).video
    if video is None:
        return "(no picture)"
    file = io.BytesIO()
    Image.fromarray(np.concatenate(list(video), axis=1)).save(file, format="png")
    encoded = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{FRAMES} frames" src="data:image/png;base64,{encoded}">'
