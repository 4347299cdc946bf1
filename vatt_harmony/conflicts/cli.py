"""Arguments of the verbs `conflicts report` and `conflicts calibrate`; nothing that computes is imported here."""

import argparse
from pathlib import Path
from typing import Any

Subparsers = Any  # argparse's own type is private


def add_parsers(subparsers: Subparsers) -> None:
    """Add `conflicts`; each parsed namespace has `run_verb`, a function of it that returns the status."""
    conflicts = subparsers.add_parser("conflicts", help="which clips disagree with themselves; how good each signal is")
    verbs = conflicts.add_subparsers(dest="conflicts_verb", required=True, metavar="VERB")
    _add_report(verbs)
    _add_calibrate(verbs)


def _add_report(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "report",
        help="one HTML page: the finding, a map of all clips to look at and listen to, a list to drop",
        description="The page needs no network and no other file. Its drop list is for `shards build --exclude`.",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a harmonized run")
    parser.add_argument("data", nargs="*", metavar="DATA", help="shards, if they have moved since the run")
    parser.add_argument("--out", type=Path, default=Path("conflicts.html"), metavar="FILE", help="(conflicts.html)")
    parser.add_argument("--clips", type=_count, default=1000, metavar="N", help="most clips inside the page (1000)")
    parser.add_argument("--megabytes", type=_positive, default=24.0, metavar="M", help="most space they take (24)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    parser.set_defaults(run_verb=_run_report)


def _add_calibrate(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "calibrate", help="every signal against the exact one, on your model and data: agreement, scale, cost"
    )
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="run folder or checkpoint")
    parser.add_argument("data", nargs="+", metavar="DATA", help="shards: folder, glob or brace pattern")
    parser.add_argument("--batches", type=_at_least_one, default=4, metavar="N", help="batches to measure (4)")
    parser.add_argument("--batch", type=_at_least_one, default=16, metavar="B", help="samples of a batch (16)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, … (default: cuda where there is one)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    parser.set_defaults(run_verb=_run_calibrate)


def _run_report(options: argparse.Namespace) -> int:
    from vatt_harmony.conflicts.report import report_verb

    return report_verb(options)


def _run_calibrate(options: argparse.Namespace) -> int:
    from vatt_harmony.conflicts.calibrate import calibrate_verb

    return calibrate_verb(options)


def _count(text: str) -> int:
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError(f"{number} is negative")
    return number


def _at_least_one(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def _positive(text: str) -> float:
    if not (number := float(text)) > 0:
        raise argparse.ArgumentTypeError(f"{number} is not above 0")
    return number
