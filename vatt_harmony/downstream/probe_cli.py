"""Arguments of `evaluate probe` and `evaluate zeroshot`; nothing that needs torch is imported to read them."""

import argparse
from pathlib import Path
from typing import Any

from vatt_harmony.downstream.arguments import add_common, count, positive, quieten_libraries

CLASSIFIERS = ("logistic", "svm", "lrc", "lrc-code")


def add_probe(subparsers: Any) -> None:
    """Add `probe` to the measures."""
    parser = subparsers.add_parser(
        "probe",
        help="linear classifiers on frozen features of a labelled set",
        description="C is chosen on validation items inside the training part. Training items give their middle "
        "window; of test items the windows' probabilities are averaged. Official folds: mean and standard error.",
    )
    _add_set(parser)
    parser.add_argument(
        "--modality",
        choices=("video", "audio"),
        nargs="+",
        required=True,
        help="each alone and, of two, both side by side",
    )
    parser.add_argument(
        "--classifier",
        choices=CLASSIFIERS,
        nargs="+",
        default=["logistic", "svm"],
        help="lrc: the low-rank classifier as VATT's paper prints it, lrc-code: as its code has it "
        "(default: logistic svm)",
    )
    parser.add_argument(
        "--feature",
        choices=("tower", "va", "vt"),
        default="tower",
        help="the encoder's output before the heads (default), or the embedding shared with sound or with text",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the lrc and of shards' folds (default: 0)")
    add_common(parser)
    parser.set_defaults(run_verb=_run_probe)


def add_zeroshot(subparsers: Any) -> None:
    """Add `zeroshot` to the measures."""
    parser = subparsers.add_parser("zeroshot", help="classification by the names of the classes")
    _add_set(parser)
    parser.add_argument("--modality", choices=("video", "audio"), required=True, help="what is classified")
    parser.add_argument(
        "--templates",
        nargs="+",
        default=["{}"],
        metavar="TEXT",
        help="sentences with {} for the class's name, averaged (default: the name alone)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of shards' folds (default: 0)")
    add_common(parser)
    parser.set_defaults(run_verb=_run_zeroshot)


def _add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL", help="exported folder")
    parser.add_argument("set", metavar="SET", help="a published set, with --root; or shards whose samples have a label")
    parser.add_argument("--root", metavar="DIR", help="the set in its official layout, or the CSV file of a table")
    parser.add_argument("--label", default="", help="what is predicted where a set offers several")
    parser.add_argument("--multilabel", action="store_true", help="of a table: labels joined by |")
    parser.add_argument("--folds", type=count, nargs="+", metavar="N", help="official folds, from 0 (default: all)")
    parser.add_argument("--test", metavar="SHARDS", help="shards to test on (default: five folds of SET)")
    parser.add_argument("--windows", type=positive, default=4, help="windows of a test item (default: 4)")
    parser.add_argument(
        "--cache", type=Path, default=Path("runs/features"), metavar="DIR", help="where features are kept (%(default)s)"
    )


def _run_probe(args: argparse.Namespace) -> int:
    quieten_libraries(args.device)
    from vatt_harmony.downstream.probe_verbs import run_probe

    return run_probe(args)


def _run_zeroshot(args: argparse.Namespace) -> int:
    quieten_libraries(args.device)
    from vatt_harmony.downstream.probe_verbs import run_zeroshot

    return run_zeroshot(args)
