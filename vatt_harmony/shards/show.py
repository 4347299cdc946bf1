"""A contact sheet: some samples of a source with their pictures, their sound and what is said about them."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from vatt_harmony.errors import UserError
from vatt_harmony.media.decode import open_media
from vatt_harmony.media.errors import MediaError
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.shards.index import index_shard
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.shards.sample import Sample, SampleError

FRAMES = 4
SAMPLE_RATE = 8000
LONGEST_SECONDS = 30.0
"""Of a clip that is shown, so that an hour of film does not have to be decoded for four pictures."""


Pictures = NDArray[np.uint8]
Sound = NDArray[np.float32]


def contact_sheet(shards: Sequence[Path], out: Path, samples: int = 8, seed: int = 0) -> int:
    """Draw up to `samples` readable samples, chosen by `seed`, into the image file `out`; returns how many.

    Raises UserError when none of the samples can be decoded.
    """
    indexes = [index_shard(path) for path in shards]
    places = [(index, i) for index in indexes for i in range(len(index))]
    order = keyed_generator(seed, "show").permutation(len(places))
    reader = ShardReader()
    rows: list[tuple[Sample, Pictures | None, Sound | None, float]] = []
    for place in order:
        if len(rows) == samples:
            break
        try:
            sample = reader.read(*places[place])
            rows.append((sample, *_look(sample)))
        except (SampleError, MediaError):  # `verify` is the verb that counts them
            continue
    reader.close()
    if not rows:
        raise UserError(
            f"None of {len(places)} samples can be decoded", "There is nothing to show", "Run: shards verify"
        )
    _draw(rows, out)
    return len(rows)


def _look(sample: Sample) -> tuple[Pictures | None, Sound | None, float]:
    """Frames `[FRAMES, H, W, 3]` and samples over the (first 30 s of the) clip, and its length in seconds."""
    data = sample.video or sample.image or sample.audio
    assert data is not None, sample.name  # a sample without media is not made
    with open_media(data, sample.audio if data is not sample.audio else None) as media:
        start, end = media.info.common
        seconds = min(end - start, LONGEST_SECONDS)
        window = media.read_window(start, FRAMES, FRAMES / seconds, SAMPLE_RATE, height=128, width=128, min_seconds=0.0)
    return window.video, window.audio, seconds


def _draw(rows: Sequence[tuple[Sample, Pictures | None, Sound | None, float]], out: Path) -> None:
    figure = Figure(figsize=(12, 1.7 * len(rows)), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(rows), FRAMES + 2, squeeze=False, width_ratios=[1] * FRAMES + [1.5, 3])
    for line, (sample, video, audio, seconds) in zip(axes, rows, strict=True):
        for axis in line:
            axis.set_axis_off()
        for axis, frame in zip(line, [] if video is None else video, strict=False):
            axis.imshow(frame)
        if audio is None:
            line[FRAMES].text(0.5, 0.5, "no sound", ha="center", va="center", color="grey")
        else:
            line[FRAMES].plot(np.linspace(0, seconds, len(audio)), audio, linewidth=0.4)
            line[FRAMES].set_ylim(-1, 1)
        line[-1].text(0, 1, _words(sample, seconds), va="top", fontsize=7, parse_math=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out)


def _words(sample: Sample, seconds: float) -> str:
    lines = [f"{sample.name}   {seconds:.2f} s"]
    for caption in sample.captions[:4]:
        times = f"{caption.start:.1f}–{min(caption.end, seconds):.1f}  "
        lines += textwrap.wrap(times + caption.text, 60, subsequent_indent="    ")[:2]
    if not sample.captions:
        lines.append("no caption")
    return "\n".join(lines)
