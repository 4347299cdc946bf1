"""Arguments of the verbs `align prepare`, `train`, `predict` and `evaluate`; nothing that computes is imported here."""

import argparse
from pathlib import Path
from typing import Any

Subparsers = Any  # argparse's own type is private


def add_parsers(subparsers: Subparsers) -> None:
    """Add `align`; each parsed namespace has `run_verb`, a function of it that returns the status."""
    from vatt_harmony.align.prepare_cli import add_prepare

    align = subparsers.add_parser("align", help="which clip belongs to which sentence: NeuMATCH and its baselines")
    verbs = align.add_subparsers(dest="align_verb", required=True, metavar="VERB")
    add_prepare(verbs)
    _add_train(verbs)
    _add_predict(verbs)
    _add_evaluate(verbs)


def _add_train(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "train",
        help="train an aligner from a recipe",
        epilog="Any field of the recipe can be replaced: --data.train prepared/train --train.epochs 50",
    )
    parser.add_argument("config", type=Path, help="recipe, such as configs/align/rp-lars-sbn.yaml")
    parser.add_argument("--run", type=Path, help="run folder; resumed if it holds a checkpoint (runs/NAME)")
    parser.set_defaults(run_verb=_train, takes_overrides=True)


def _add_predict(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "predict",
        help="align sequences: JSON, subtitles, and a page to look at",
        description="The page needs no network and no other file but the media, if they are not small.",
    )
    _add_data(parser, "model", "trained aligner: a run or one of its models")
    parser.add_argument("--out", type=Path, default=Path("aligned"), metavar="DIR", help="(aligned)")
    parser.add_argument("--method", choices=("greedy", "beam", "exact"), help="(as the aligner was validated)")
    parser.add_argument("--beam", type=int, metavar="N", help="paths kept by --method beam (8)")
    parser.add_argument("--no-media", action="store_true", help="leave pictures and player out of the page")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    parser.set_defaults(run_verb=_predict)


def _add_evaluate(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "evaluate",
        help="one table: an aligner and every baseline, with intervals over videos",
        description="Thresholds of the baselines are tuned on the validation split and nowhere else.",
    )
    _add_data(parser)
    parser.add_argument(
        "--model",
        type=Path,
        action="append",
        default=[],
        metavar="MODEL",
        help="trained aligner, once or more; the first is compared with every row (none: the baselines alone)",
    )
    parser.add_argument("--method", choices=("greedy", "beam", "exact"), help="(as the aligner was validated)")
    parser.add_argument("--beam", type=int, metavar="N", help="paths kept by --method beam (8)")
    parser.add_argument("--baselines", default="all", metavar="NAME,...", help="all, none, or names (all)")
    parser.add_argument("--select", choices=("accuracy", "iou"), default="accuracy", help="tune them by (accuracy)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    parser.set_defaults(run_verb=_evaluate)


def _add_data(parser: argparse.ArgumentParser, first: str | None = None, about: str = "") -> None:
    if first is not None:
        parser.add_argument(first, type=Path, metavar=first.upper(), help=about)
    parser.add_argument("data", type=Path, metavar="DATA", help="folder that align prepare has written")
    parser.add_argument("--split", default="test", help="its part to use (test)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, … (default: cuda where there is one)")


def _train(options: argparse.Namespace) -> int:
    from vatt_harmony.align.train.verb import train_verb

    return train_verb(options)


def _predict(options: argparse.Namespace) -> int:
    from vatt_harmony.align.predict import predict_verb

    return predict_verb(options)


def _evaluate(options: argparse.Namespace) -> int:
    from vatt_harmony.align.evaluate import evaluate_verb

    return evaluate_verb(options)
