"""Arguments of the verb `demo`; nothing that needs torch is imported to read them."""

import argparse
import os
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Add `demo`; its parsed namespace has `run_verb`, a function of it that returns the status."""
    parser = subparsers.add_parser(
        "demo",
        help="make a small corpus, pretrain with and without harmonization, evaluate, export, fine-tune, align films",
        description="Exit status 1 when the retrieval of the harmonized run is below the floor. Started again with "
        "the same settings it goes on where it stopped.",
    )
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder of everything (runs/demo)")
    parser.add_argument("--seed", type=int, default=0, help="seed of corpus and runs (0)")
    parser.add_argument("--steps", type=int, metavar="N", help="steps of each run (the recipe's); then no floor")
    parser.add_argument("--clips", type=int, default=1024, metavar="N", help="training clips, a quarter more for tests")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    parser.set_defaults(run_verb=_run_demo)


def _run_demo(options: argparse.Namespace) -> int:
    import torch
    from transformers.utils import logging

    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")  # else libraries look for one, aloud
    logging.disable_progress_bar()
    from vatt_harmony.demo.run import run_demo
    from vatt_harmony.demo.settings import DemoSettings

    settings = DemoSettings(out=options.out, seed=options.seed, steps=options.steps, clips=options.clips)
    return run_demo(settings, options.json)
