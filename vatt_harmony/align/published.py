"""Published figures on YouTube Movie Summaries, to stand beside measured ones and never among them."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

SETS = ("phrases", "phrases*", "sentences", "sentences*")
"""The split of N18 and, with a star, that of SyMoN."""
CAVEATS = (
    "Published clip accuracy / sentence IoU in percent. Compare with care: it is not known whether these protocols "
    "count time that no text covers, and texts that nothing shows, as this table does.",
    "N18, supervised: Dogan et al., CVPR 2018, quoted by EC. EC, weakly supervised: Event Causality Is Key to "
    "Computational Story Understanding, NAACL 2024. A star: the SyMoN split, 65 test videos. The split of N18 has 15; "
    "intervals reach about 6 points to both sides.",
)


@dataclass(frozen=True)
class Published:
    """One method as a paper has printed it."""

    method: str
    source: str
    cells: tuple[tuple[float, float] | None, ...]
    """Clip accuracy and sentence IoU in percent on each of `SETS`; None where no value is known."""


PUBLISHED: Sequence[Published] = (
    Published("NeuMATCH-MD", "N18", ((4.0, 2.4), None, None, None)),
    Published("NeuMATCH-DTW", "N18", ((10.3, 7.5), None, None, None)),
    Published("SyMoN-MD", "EC", ((5.9, 2.7), (10.1, 1.9), (7.4, 3.4), (7.7, 3.3))),
    Published("temporal + DTW", "EC", ((12.3, 7.1), (10.2, 8.0), (29.2, 18.3), (32.5, 19.6))),
    Published("causal + temporal + DTW", "EC", ((23.2, 18.4), (24.2, 21.5), (33.3, 22.5), (40.2, 27.6))),
)


def print_published(console: Console) -> None:
    """Print the table and its caveats."""
    table = Table(box=None, pad_edge=False)
    for column in ("published", *SETS, "source"):
        table.add_column(column, justify="right" if column in SETS else "left", no_wrap=True)
    for row in PUBLISHED:
        cells = ["" if cell is None else f"{cell[0]:.1f}/{cell[1]:.1f}" for cell in row.cells]
        table.add_row(row.method, *cells, row.source)
    console.print(table)
    for caveat in CAVEATS:
        console.print(caveat, highlight=False, soft_wrap=True)
