"""Pictures of group `6 look`: what the model retrieves, and which clips its losses quarrel about."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from vatt_harmony.engine.report import Clip, RetrievalRow

Picture = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

CELL = 160  # pixels of a frame's longer side
GAP = 8
LINES, LINE, LETTERS = 3, 16, 26  # text under a cell: lines, pixels a line, letters a line
PAPER: Colour = (255, 255, 255)
INK: Colour = (30, 30, 30)
RIGHT: Colour = (0, 140, 70)
WRONG: Colour = (200, 200, 200)


def draw_retrieval(rows: Sequence[RetrievalRow], columns: int = 5) -> Picture:
    """Queries at the left, their `columns` best answers beside them, the right one framed: uint8 `[H, W, 3]`."""
    height, width = CELL + LINES * LINE + 2 * GAP, CELL + 2 * GAP
    sheet = Image.new("RGB", (width * (1 + columns) + GAP, LINE + GAP + height * len(rows)), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    draw.text((GAP, GAP // 2), "query", fill=INK, font=font)
    draw.text((width + 2 * GAP, GAP // 2), "answers, best first (similarity)", fill=INK, font=font)
    for index, row in enumerate(rows):
        top = LINE + GAP + index * height
        _cell(sheet, row.query, GAP, top, row.query.caption, INK)
        for rank, (clip, similarity) in enumerate(row.answers[:columns], start=1):
            border = RIGHT if clip.key == row.query.key else WRONG
            _cell(sheet, clip, GAP + rank * width + GAP, top, f"({similarity:.2f}) {clip.caption}", border)
    return np.asarray(sheet)


def draw_conflicts(clips: Sequence[Clip], count: int = 5, frames: int = 6) -> Picture:
    """The `count` clips of lowest cosine, each a strip of `frames` frames over its caption: uint8 `[H, W, 3]`."""
    judged = [(clip.cosine, clip) for clip in clips if clip.cosine is not None and math.isfinite(clip.cosine)]
    worst = [clip for _, clip in sorted(judged, key=lambda pair: pair[0])[:count]]
    height, width = CELL + 2 * LINE + 2 * GAP, CELL + GAP
    sheet = Image.new("RGB", (GAP + frames * width, GAP + height * max(1, len(worst))), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    letters = LETTERS * frames
    for index, clip in enumerate(worst):
        top = GAP + index * height
        for place, at in enumerate(np.linspace(0, len(clip.frames) - 1, frames).round().astype(int)):
            sheet.paste(_thumbnail(clip.frames[at]), (GAP + place * width, top))
        text = textwrap.shorten(f"{clip.cosine:+.3f}  {clip.key}", letters, placeholder="…")
        draw.text((GAP, top + CELL), text, fill=INK, font=font)
        caption = textwrap.shorten(clip.caption, letters, placeholder="…")
        draw.text((GAP, top + CELL + LINE), caption, fill=INK, font=font)
    return np.asarray(sheet)


def _cell(sheet: Image.Image, clip: Clip, left: int, top: int, text: str, border: Colour) -> None:
    """The clip's middle frame in a border, `text` wrapped below it."""
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    picture = _thumbnail(clip.frames[len(clip.frames) // 2])
    draw.rectangle((left - 3, top - 3, left + CELL + 2, top + CELL + 2), outline=border, width=3)
    sheet.paste(picture, (left, top))
    for number, line in enumerate(textwrap.wrap(text, LETTERS, max_lines=LINES, placeholder="…")):
        draw.text((left, top + CELL + 4 + number * LINE), line, fill=INK, font=font)


def _thumbnail(frame: npt.NDArray[np.uint8]) -> Image.Image:
    """The frame scaled to fit a square of `CELL` pixels, centred in it."""
    picture = Image.fromarray(frame)
    scale = CELL / max(picture.size)
    picture = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    cell = Image.new("RGB", (CELL, CELL), PAPER)
    cell.paste(picture, ((CELL - picture.width) // 2, (CELL - picture.height) // 2))
    return cell
