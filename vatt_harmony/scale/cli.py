"""Arguments of the verb `bench`; nothing that needs torch is imported to read them."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vatt_harmony.scale.bench.suite import Row

SUITES = ("main", "harmony", "align", "balance", "study")


def add_parsers(subparsers: Any) -> None:
    """Add `bench`; its parsed namespace has `run_verb`, a function of it that returns the status."""
    parser = subparsers.add_parser(
        "bench",
        help="measure the rows of a benchmark table on this machine",
        description="Prints a table of figures with their goals; exit status 0 whether they hold or not. Real media "
        "are read from VATT_HARMONY_DATA, else ../shared/data beside the checkout; rows that need them are left "
        "out where there are none. `study` makes the runs of docs/study.md that are not on record yet, then the table; "
        "`align --records DIR` and `balance --records DIR` those of docs/alignment.md and docs/balancing.md.",
    )
    parser.add_argument("suite", choices=SUITES, metavar="SUITE", help=f"which table: {', '.join(SUITES)}")
    parser.add_argument("--only", metavar="ID,...", help="some rows of it, such as 01.5,01.11")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    parser.add_argument("--pairs", type=int, default=5, metavar="N", help="repetitions of compared times (5)")
    parser.add_argument("--batch", type=int, default=16, metavar="B", help="samples a step of compared times (16)")
    study = parser.add_argument_group("study, and the studies of align and balance")
    study.add_argument(
        "--records",
        type=Path,
        metavar="DIR",
        help="make what is missing there (runs/study; align, balance: nothing)",
    )
    study.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="cuda: four arms of a larger model")
    study.add_argument("--processes", type=int, default=1, metavar="N", help="runs at a time, one thread each (1)")
    parser.set_defaults(run_verb=_bench)


def _bench(options: argparse.Namespace) -> int:
    from rich.console import Console

    from vatt_harmony.figures import print_figures, write_figures
    from vatt_harmony.scale.bench.suite import Options, run_rows, select

    _check(options)
    console = Console()
    chosen = Options(data=_media(), pairs=options.pairs, batch=options.batch)
    figures = run_rows(select(_rows(options, chosen.data), options.only), chosen, console)
    print_figures(figures, console)
    if options.json is not None:
        write_figures(figures, options.json)
    return 0


def _check(options: argparse.Namespace) -> None:
    """Before hours of runs."""
    from vatt_harmony.errors import UserError

    if options.processes < 1:
        raise UserError(f"--processes is {options.processes}", "Nothing could run", "Give --processes 1 or more")
    if options.suite == "study" and options.only is not None:
        raise UserError(
            "--only goes with suites whose rows are measured one by one",
            "All runs of the study would be made for it",
            "Leave it out, or read finished records: bench harmony --only 02.7,02.8",
        )
    if options.suite in ("main", "harmony") and options.records is not None:
        raise UserError(
            f"--records belongs to bench study, align and balance, not to bench {options.suite}",
            "It would change nothing",
            "Leave it out",
        )
    if options.suite != "study" and (options.device, options.processes) != ("cpu", 1):
        raise UserError(
            f"--device and --processes belong to bench study, not to bench {options.suite}",
            "They would change nothing",
            "Leave them out: a row that needs a CUDA device finds it by itself",
        )


def _rows(options: argparse.Namespace, data: Path | None) -> Sequence["Row"]:
    """The suite's rows; those of the study once its runs are made."""
    if options.suite == "main":
        from vatt_harmony.scale.bench import main

        return main.ROWS
    if options.suite == "harmony":
        from vatt_harmony.scale.bench import harmony

        return harmony.ROWS
    if options.suite == "align":
        from vatt_harmony.scale.bench import align

        return align.rows(options.records)
    if options.suite == "balance":
        from vatt_harmony.scale.bench import balance

        return balance.rows(options.records)
    from vatt_harmony.scale.study.command import run_study
    from vatt_harmony.scale.study.rows import cuda_rows, rows

    records = options.records or Path("runs/study")
    run_study(records, options.device, options.processes, data)
    return rows(records) if options.device == "cpu" else cuda_rows(records)


def _media() -> Path | None:
    root = Path(os.environ.get("VATT_HARMONY_DATA", Path(__file__).parents[3] / "shared" / "data"))
    return root if (root / "manifest.csv").is_file() else None
