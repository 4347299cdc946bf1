"""Arguments of the verbs `evaluate` and `embed`; nothing that needs torch is imported to read them."""

import argparse
from pathlib import Path
from typing import Any

from vatt_harmony.downstream.arguments import add_common, count, positive, quieten_libraries
from vatt_harmony.downstream.probe_cli import add_probe, add_zeroshot

Subparsers = Any  # argparse's own type is private


def add_parsers(subparsers: Subparsers) -> None:
    """Add `evaluate` and `embed`; each parsed namespace has `run_verb`, a function of it that returns the status."""
    evaluate = subparsers.add_parser("evaluate", help="measure an exported model")
    measures = evaluate.add_subparsers(dest="measure", required=True, metavar="MEASURE")
    _add_retrieval(measures)
    add_probe(measures)
    add_zeroshot(measures)
    parser = subparsers.add_parser("embed", help="embeddings of media files and shards, as npz or parquet")
    parser.add_argument("model", type=Path, metavar="MODEL", help="exported folder")
    parser.add_argument("paths", type=Path, nargs="+", metavar="FILE", help="media files, shards (.tar) or folders")
    parser.add_argument("--out", type=Path, required=True, help="new folder, or one to continue")
    parser.add_argument("--format", choices=("npz", "parquet"), default="npz")
    parser.add_argument("--windows", type=positive, default=4, help="windows averaged per clip (default: 4)")
    parser.add_argument("--batch", type=positive, default=8, help="clips encoded at a time (default: 8)")
    add_common(parser)
    parser.set_defaults(run_verb=_run_embed)


def _add_retrieval(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("retrieval", help="R@1, R@5, R@10 and median rank between video, audio and text")
    parser.add_argument("model", type=Path, metavar="MODEL", help="exported folder")
    parser.add_argument("data", metavar="DATA", nargs="?", help="shards: folder, glob or brace pattern")
    parser.add_argument("--windows", type=positive, default=4, help="windows averaged per clip (default: 4)")
    parser.add_argument("--batch", type=positive, default=16, help="windows encoded at a time (default: 16)")
    parser.add_argument("--limit", type=positive, help="only the first LIMIT clips")
    parser.add_argument("--candidates", type=positive, default=5, help="most captions averaged per clip (default: 5)")
    parser.add_argument("--workers", type=count, default=2, help="processes that decode (default: 2)")
    parser.add_argument("--shuffle-frames", type=int, metavar="SEED", help="control: frames in random order")
    _add_protocol(parser)
    add_common(parser)
    parser.set_defaults(run_verb=_run_retrieval)


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("published protocols, instead of DATA")
    group.add_argument("--protocol", choices=("msrvtt", "youcook2"), help="MSR-VTT 1k test or YouCook2 validation")
    group.add_argument("--annotations", type=Path, metavar="CSV", help="the protocol's sentences")
    group.add_argument("--videos", type=Path, metavar="DIR", help="the videos, named as the sentences say")
    group.add_argument(
        "--input",
        choices=("protocol", "model"),
        default="protocol",
        help="32 frames at 12.5 fps, 224 x 224 (default), or what the model was pretrained on",
    )
    group.add_argument("--missing", type=Path, metavar="FILE", help="also write the rows that could not be measured")


def _run_retrieval(args: argparse.Namespace) -> int:
    quieten_libraries(args.device)
    if args.protocol is not None:
        from vatt_harmony.downstream.protocols.verb import run_protocol

        return run_protocol(args)
    from vatt_harmony.downstream.verbs import run_retrieval

    return run_retrieval(args)


def _run_embed(args: argparse.Namespace) -> int:
    quieten_libraries(args.device)
    from vatt_harmony.downstream.verbs import run_embed

    return run_embed(args)
