"""Arguments of the verbs `evaluate retrieval` and `embed`; nothing that needs torch is imported to read them."""

import argparse
import os
from pathlib import Path
from typing import Any

Subparsers = Any  # argparse's own type is private


def add_parsers(subparsers: Subparsers) -> None:
    """Add `evaluate` and `embed`; each parsed namespace has `run_verb`, a function of it that returns the status."""
    evaluate = subparsers.add_parser("evaluate", help="measure an exported model")
    _add_retrieval(evaluate.add_subparsers(dest="measure", required=True, metavar="MEASURE"))
    parser = subparsers.add_parser("embed", help="embeddings of media files and shards, as npz or parquet")
    parser.add_argument("model", type=Path, metavar="MODEL", help="exported folder")
    parser.add_argument("paths", type=Path, nargs="+", metavar="FILE", help="media files, shards (.tar) or folders")
    parser.add_argument("--out", type=Path, required=True, help="new folder, or one to continue")
    parser.add_argument("--format", choices=("npz", "parquet"), default="npz")
    parser.add_argument("--windows", type=_positive, default=4, help="windows averaged per clip (default: 4)")
    parser.add_argument("--batch", type=_positive, default=8, help="clips encoded at a time (default: 8)")
    _add_common(parser)
    parser.set_defaults(run_verb=_run_embed)


def _add_retrieval(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("retrieval", help="R@1, R@5, R@10 and median rank between video, audio and text")
    parser.add_argument("model", type=Path, metavar="MODEL", help="exported folder")
    parser.add_argument("data", metavar="DATA", help="shards: folder, glob or brace pattern")
    parser.add_argument("--windows", type=_positive, default=4, help="windows averaged per clip (default: 4)")
    parser.add_argument("--batch", type=_positive, default=16, help="windows encoded at a time (default: 16)")
    parser.add_argument("--limit", type=_positive, help="only the first LIMIT clips")
    parser.add_argument("--candidates", type=_positive, default=5, help="most captions averaged per clip (default: 5)")
    parser.add_argument("--workers", type=_count, default=2, help="processes that decode (default: 2)")
    parser.add_argument("--shuffle-frames", type=int, metavar="SEED", help="control: frames in random order")
    _add_common(parser)
    parser.set_defaults(run_verb=_run_retrieval)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, … (default: cuda where there is one)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")


def _run_retrieval(args: argparse.Namespace) -> int:
    _quieten_libraries(args.device)
    from vatt_harmony.downstream.verbs import run_retrieval

    return run_retrieval(args)


def _run_embed(args: argparse.Namespace) -> int:
    _quieten_libraries(args.device)
    from vatt_harmony.downstream.verbs import run_embed

    return run_embed(args)


def _quieten_libraries(device: str) -> None:
    """No bars while weights are read; without CUDA, no search for an accelerator. Before they are imported."""
    import torch

    if device == "cpu" or not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    from transformers.utils import logging

    logging.disable_progress_bar()


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def _count(text: str) -> int:
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError(f"{number} is negative")
    return number
