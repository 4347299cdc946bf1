"""Row 03.1: the YouTube Movie Summaries as we read them have the published sizes, and their rows without features."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from vatt_harmony.align.actions import ONE_TO_MANY
from vatt_harmony.align.baselines.feature_free import FEATURE_FREE
from vatt_harmony.align.data.pieces import cut
from vatt_harmony.align.data.yms import Texts, read_yms, read_yms_split
from vatt_harmony.align.metrics import scores
from vatt_harmony.align.oracle import actions_of
from vatt_harmony.align.sequence import AlignmentSequence
from vatt_harmony.figures import Figure
from vatt_harmony.scale.bench.align_made import ceiling, reached
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measured, measures

Films = Sequence[AlignmentSequence]

SIZES: dict[tuple[Texts, str], tuple[int, ...]] = {
    ("phrases", "train"): (66, 12_140, 4_272, 4_396, 1_294, 10_846, 4_272),
    ("phrases", "val"): (12, 2_014, 747, 765, 163, 1_851, 747),
    ("phrases", "test"): (15, 2_648, 914, 931, 309, 2_339, 914),
    ("sentences", "train"): (66, 12_140, 2_544, 2_573, 363, 11_777, 2_544),
    ("sentences", "val"): (12, 2_014, 411, 417, 70, 1_944, 411),
    ("sentences", "test"): (15, 2_648, 535, 543, 91, 2_557, 535),
}
"""Videos, clips, texts, texts with those that nothing shows, and how often PC, MRS and PS are taken."""
PIECES = (198, 92, 41, 100)
"""Training pieces of phrases; most clips, phrases and actions of one."""
LARGEST = (249, 95, 317)
"""Most clips, phrases and actions of a validation or test video."""

Cells = tuple[tuple[float, float], ...]
ROWS: dict[tuple[Texts, str], Cells] = {
    ("phrases", "val"): ((12.0, 0.0), (13.1, 9.4), (11.4, 9.2), (13.6, 8.4), (98.2, 96.1)),
    ("phrases", "test"): ((15.1, 0.0), (9.2, 6.2), (7.9, 6.0), (14.3, 9.3), (98.5, 96.4)),
    ("sentences", "val"): ((5.6, 0.0), (21.2, 14.6), (30.1, 22.8), (30.8, 20.1), (97.6, 92.9)),
    ("sentences", "test"): ((5.2, 0.0), (19.5, 13.4), (27.8, 20.8), (44.8, 31.5), (97.2, 91.2)),
}
"""Clip accuracy and sentence IoU in per cent, mean over videos, of the methods of FEATURE_FREE in their order."""
SHOWN: tuple[Texts, str] = ("phrases", "test")
NOISES = (1.0, 2.0)
"""Length of the noise in made clip features relative to that of the image."""
MADE = 4 + len(NOISES)
"""Figures of made features, behind all others."""

MEASURES = measures(
    "03.1",
    ("sizes and action counts unlike the specification's", "== 0", ""),
    ("rows without features unlike the specification's, printed digits", "== 0", ""),
    *(
        (f"{name}, test phrases, {metric}", "", "%")
        for name in FEATURE_FREE
        for metric in ("clip accuracy", "sentence IoU")
    ),
    ("made features without noise, trained, test phrases, clip accuracy", ">= 95", "%"),
    ("the same over the oracle's", "", "%"),
    ("the same, validation", "", "%"),
    *((f"made features, noise {noise:g}, test phrases, clip accuracy", "", "%") for noise in NOISES),
    ("made features without noise minus positions alone, test phrases, clip accuracy", "> 0", "%"),
)


def _run(options: Options) -> list[Figure]:
    if options.data is None:
        raise NotRun("there are no annotations; set VATT_HARMONY_DATA to the folder that holds alignment/yms/")
    folder = options.data / "alignment" / "yms"
    splits = {texts: _split(folder, texts) for texts, _ in SIZES}
    sizes = [
        pair
        for (texts, split), told in SIZES.items()
        for pair in zip(_sizes(folder, texts, split, splits[texts][split]), told, strict=True)
    ]
    sizes += zip(_pieces(splits["phrases"]["train"]), PIECES, strict=True)
    sizes += zip(_largest([*splits["phrases"]["val"], *splits["phrases"]["test"]]), LARGEST, strict=True)
    rows = {key: _rows(splits[key[0]][key[1]]) for key in ROWS}
    cells = [
        (round(ours, 1), theirs)
        for key, told in ROWS.items()
        for row, published in zip(rows[key], told, strict=True)
        for ours, theirs in zip(row, published, strict=True)
    ]
    shown = [value for row in rows[SHOWN] for value in row]
    unlike = [sum(ours != theirs for ours, theirs in each) for each in (sizes, cells)]
    return [
        *measured(MEASURES[:1], unlike[0], n=len(sizes)),
        *measured(MEASURES[1:2], unlike[1], n=len(cells)),
        *measured(MEASURES[2:-MADE], *shown, n=len(splits[SHOWN[0]][SHOWN[1]])),
        *measured(MEASURES[-MADE:], *made(splits["phrases"]), n=len(splits["phrases"]["test"])),
    ]


def made(splits: Mapping[str, Films]) -> list[float]:
    """Percent: what aligners reach that are trained on made features, and what positions alone lack to that."""
    clean, positions = (reached(splits, 0.0, content=content) for content in (True, False))
    noisy = [reached(splits, noise).test for noise in NOISES]
    told = [clean.test, clean.test / ceiling(splits["test"]), clean.validation, *noisy, clean.test - positions.test]
    return [100 * value for value in told]


def _split(folder: Path, texts: Texts, *, unmatched: bool = False) -> dict[str, Films]:
    films = read_yms(folder, texts, unmatched=unmatched)
    return {split: [films[video] for video in ids] for split, ids in read_yms_split(folder, list(films)).items()}


def _sizes(folder: Path, texts: Texts, split: str, films: Films) -> tuple[int, ...]:
    clips, sentences = (sum(film.lengths[stream] for film in films) for stream in (0, 1))
    with_unmatched = sum(len(film.sentences) for film in _split(folder, texts, unmatched=True)[split])
    actions = [actions_of(film.pairs, film.lengths, ONE_TO_MANY) for film in films if film.pairs is not None]
    taken = [sum(int((each == ONE_TO_MANY.index(name)).sum()) for each in actions) for name in ("PC", "MRS", "PS")]
    return (len(films), clips, sentences, with_unmatched, *taken)


def _pieces(films: Films) -> tuple[int, ...]:
    pieces = [piece for film in films for piece in cut(film, ONE_TO_MANY)]
    longest = [max(piece.lengths[stream] for piece in pieces) for stream in (0, 1)]
    return (len(pieces), *longest, max(len(piece.actions) for piece in pieces))


def _largest(films: Films) -> tuple[int, ...]:
    return (*(max(film.lengths[stream] for film in films) for stream in (0, 1)), max(sum(f.lengths) for f in films))


def _rows(films: Films) -> list[tuple[float, float]]:
    """Clip accuracy and sentence IoU of each method, mean over the films, in per cent."""
    found = [[scores(film, method(film)) for film in films] for method in FEATURE_FREE.values()]
    return [
        (100 * sum(s.accuracy for s in each) / len(each), 100 * sum(s.iou for s in each) / len(each)) for each in found
    ]


ROW = Row(
    id="03.1",
    title="YouTube Movie Summaries: sizes, actions, and rows without features",
    takes="2 minutes",
    measures=MEASURES,
    run=_run,
)
