"""One HTML file out of text, columns and clips; whatever comes from outside is escaped or inert."""

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.conflicts.findings import Sentence
from vatt_harmony.web_page import assemble, inert

SCRIPTS = ("data", "scale", "map", "marks", "choose", "player", "cards", "charts", "main")
"""Of assets/, in the order in which they are read; together they are one script."""


def render(sentence: Sentence, notes: Sequence[str], data: Mapping[str, Any], clips: Mapping[int, bytes]) -> str:
    """The whole page. `data` is what the scripts draw from, `clips` mp4 files by row of its columns.

    A content security policy lets only this page's own script run, and lets nothing be fetched from anywhere.
    """
    parts = {
        "title": html.escape(str(sentence)),
        "lead": html.escape(sentence.lead),
        "strong": html.escape(sentence.strong),
        "rest": html.escape(sentence.rest),
        "first_note": html.escape(notes[0]),
        "notes": "".join(f"<p>{html.escape(note)}</p>" for note in notes[1:]),
        "data": inert(data),
        "clips": "".join(
            f'<script type="text/plain" data-clip="{row}">{base64.b64encode(clip).decode()}</script>\n'
            for row, clip in clips.items()
        ),
    }
    return assemble("vatt_harmony.conflicts", SCRIPTS, parts)


def column(values: NDArray[Any], kind: str) -> str:
    """An array as base64 of little-endian numbers of the NumPy kind `f4`, `u4`, `u1` …"""
    return base64.b64encode(np.ascontiguousarray(values, dtype=f"<{kind}").tobytes()).decode()
