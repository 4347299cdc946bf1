"""The page: every alignment of a run with its film, in one HTML file that fetches nothing."""

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vatt_harmony.align.look.film import Film
from vatt_harmony.align.look.judged import Judged
from vatt_harmony.align.sequence import Stream
from vatt_harmony.web_page import assemble, inert

SCRIPTS = ("data", "view", "ribbons", "stage", "player", "choose", "lists", "main")
"""Of assets/, in the order in which they are read; together they are one script."""
PARTS = Mapping[str, str]
"""Name of a figure to its value, as they are read."""


def render(judged: Sequence[Judged], films: Mapping[str, Film], overall: PARTS, single: Sequence[PARTS]) -> str:
    """The whole page; `films` by path, `overall` the figures of all alignments and `single` those of each."""
    about = {
        "figures": dict(overall),
        "sequences": [
            {"name": each.name, "group": each.sequence.group, "figures": dict(figures), "strip": _strip(each)}
            for each, figures in zip(judged, single, strict=True)
        ],
    }
    numbers = {path: number for number, path in enumerate(films)}
    inside = {numbers[path]: film.data for path, film in films.items() if film.data}
    lead, strong, rest = headline(judged)
    return assemble(
        "vatt_harmony.align.look",
        SCRIPTS,
        {
            "title": html.escape(lead + strong + rest),
            "lead": html.escape(lead),
            "strong": html.escape(strong),
            "rest": html.escape(rest),
            "data": inert(about),
            "sequences": "".join(
                f'<script type="application/json" data-sequence="{number}">{inert(_sequence(each, films, numbers))}'
                "</script>\n"
                for number, each in enumerate(judged)
            ),
            "films": "".join(
                f'<script type="text/plain" data-film="{number}">{_base64(data)}</script>\n'
                for number, data in inside.items()
            ),
        },
    )


def headline(judged: Sequence[Judged]) -> tuple[str, str, str]:
    """The finding, its weight in the middle."""
    known = [each for each in judged if each.truth is not None]
    if known:
        verdicts = [verdict for each in known for verdict in each.verdicts(0)]
        where = f"Of {_count(len(verdicts), known[0].upper)} in {_many(len(known), 'sequence')}, "
        return where, f"{verdicts.count('right'):,}", " are where they belong."
    total = sum(len(each.upper) for each in judged)
    found = sum(bool(partners) for each in judged for partners in each.found[0])
    where = f"Of {_count(total, judged[0].upper)} in {_many(len(judged), 'sequence')}, "
    return where, f"{found:,}", f" have found {judged[0].lower.name}; whether these are the right ones is not known."


def _sequence(judged: Judged, films: Mapping[str, Film], numbers: Mapping[str, int]) -> dict[str, Any]:
    timed = bool(np.isfinite(judged.upper.spans).all()) and len(judged.upper) > 0
    film = films.get(judged.sequence.media or "")
    return {
        "upper": {"name": judged.upper.name, "texts": judged.upper.texts},
        "lower": {"name": judged.lower.name, "texts": judged.lower.texts},
        "timed": timed,
        "spans": np.round(judged.upper.spans, 3).tolist() if timed else [[i, i + 1] for i in range(len(judged.upper))],
        "pairs": [[*pair, _rounded(judged.pairs[pair]), judged.verdict(pair)] for pair in sorted(judged.pairs)],
        "missed": judged.missed,
        "verdicts": [judged.verdicts(0), judged.verdicts(1)],
        "intervals": [np.round(judged.intervals(item), 3).tolist() for item in range(len(judged.lower))],
        "film": numbers[judged.sequence.media or ""] if film else None,
        "address": film.address if film else None,
        "pictures": [picture and _base64(picture) for picture in film.pictures] if film else [],
    }


def _strip(judged: Judged) -> str:
    """A letter for each upper item: right, wrong, partly or unknown; capital when it has a partner."""
    letters = [verdict[0] for verdict in judged.verdicts(0)]
    return "".join(letter.upper() if found else letter for letter, found in zip(letters, judged.found[0], strict=True))


def _rounded(probability: float) -> float | None:
    return round(probability, 4) if np.isfinite(probability) else None


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _count(number: int, stream: Stream) -> str:
    return f"{number:,} {stream.name}"


def _many(number: int, unit: str) -> str:
    return f"{number:,} {unit}{'' if number == 1 else 's'}"
