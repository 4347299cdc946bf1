"""Arguments of the verb `finetune`; nothing that computes is imported here."""

import argparse
from pathlib import Path
from typing import Any

Subparsers = Any  # argparse's own type is private


def add_parser(subparsers: Subparsers) -> None:
    """Add `finetune`; the parsed namespace has `run_verb`, a function of it that returns the status."""
    parser = subparsers.add_parser(
        "finetune",
        help="train on labelled clips from a recipe, with balanced modalities, and test once",
        epilog="Any field of the recipe can be replaced: --data.root /data/ave --balance.rule mlb --train.epochs 50",
    )
    parser.add_argument("config", type=Path, help="recipe, such as configs/finetune/ave.yaml")
    parser.add_argument("--run", type=Path, metavar="DIR", help="run folder; resumed if it holds one (runs/NAME)")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="train N times, counting up its seed (1)")
    parser.add_argument(
        "--compare",
        metavar="ROW,...",
        help="train each of these rules with each seed instead, and write a page and a table: rules and presets "
        "(multiloss), at a point (mlb@grad), one modality alone (only:audio), ensemble",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the test figures to FILE")
    parser.set_defaults(run_verb=_finetune, takes_overrides=True)


def _finetune(options: argparse.Namespace) -> int:
    from vatt_harmony.finetune.early import check_early

    options.run = options.run or Path("runs") / options.config.stem
    check_early(options.config, options.overrides, options.run)
    from vatt_harmony.finetune.verb import finetune_verb

    return finetune_verb(options)
