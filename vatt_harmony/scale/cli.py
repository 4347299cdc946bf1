"""Arguments of the verb `bench`; nothing that needs torch is imported to read them."""

import argparse
import os
from pathlib import Path
from typing import Any

SUITES = ("main", "harmony")
"""Each is a module of `scale/bench/` with its `ROWS`."""


def add_parsers(subparsers: Any) -> None:
    """Add `bench`; its parsed namespace has `run_verb`, a function of it that returns the status."""
    parser = subparsers.add_parser(
        "bench",
        help="measure the rows of a benchmark table on this machine",
        description="Prints a table of figures with their goals; exit status 0 whether they hold or not. Real media "
        "are read from VATT_HARMONY_DATA, else ../shared/data beside the checkout; rows that need them are left "
        "out where there are none.",
    )
    parser.add_argument("suite", choices=SUITES, metavar="SUITE", help=f"which table: {', '.join(SUITES)}")
    parser.add_argument("--only", metavar="ID,...", help="some rows of it, such as 01.5,01.11")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    parser.add_argument("--pairs", type=int, default=5, metavar="N", help="repetitions of compared times (5)")
    parser.add_argument("--batch", type=int, default=16, metavar="B", help="samples a step of compared times (16)")
    parser.set_defaults(run_verb=_bench)


def _bench(options: argparse.Namespace) -> int:
    from importlib import import_module

    from rich.console import Console

    from vatt_harmony.figures import print_figures, write_figures
    from vatt_harmony.scale.bench.suite import Options, run_rows, select

    console = Console()
    chosen = Options(data=_media(), pairs=options.pairs, batch=options.batch)
    rows = import_module(f"vatt_harmony.scale.bench.{options.suite}").ROWS
    figures = run_rows(select(rows, options.only), chosen, console)
    print_figures(figures, console)
    if options.json is not None:
        write_figures(figures, options.json)
    return 0


def _media() -> Path | None:
    root = Path(os.environ.get("VATT_HARMONY_DATA", Path(__file__).parents[3] / "shared" / "data"))
    return root if (root / "manifest.csv").is_file() else None
