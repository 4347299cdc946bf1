"""Arguments of the verb `align prepare`; nothing that computes is imported here."""

import argparse
from pathlib import Path
from typing import Any

Subparsers = Any  # argparse's own type is private


def add_prepare(subparsers: Subparsers) -> None:
    """Add `prepare`; the parsed namespace has `run_verb`, a function of it that returns the status."""
    parser = subparsers.add_parser(
        "prepare",
        help="films and their sentences, or annotations, into sequences with features",
        description="Writes OUT/train, OUT/val and OUT/test, which the other align verbs read.",
    )
    parser.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="films: a CSV, or a folder of NAME.mp4 with NAME.srt, vtt, json, csv or txt beside, all for OUT/test; "
        "captions: a CSV; yms, tacos: a folder",
    )
    parser.add_argument(
        "--from",
        dest="kind",
        choices=("films", "yms", "tacos", "captions"),
        default="films",
        help="what SOURCE is (films)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, … (default: cuda where there is one)")
    parser.add_argument("--batch", type=_at_least_one, default=8, metavar="N", help="windows encoded at a time (8)")
    parser.add_argument("--seed", type=int, default=0, help="of splits, noise and distractors (0)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where clip features are kept (OUT/cache)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    _add_features(parser.add_argument_group("features"))
    _add_films(parser.add_argument_group("films"))
    _add_annotations(parser.add_argument_group("annotations"))
    parser.set_defaults(run_verb=_run)


def _add_features(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--encoder", type=Path, metavar="DIR", help="exported encoder, for clips and sentences")
    group.add_argument(
        "--mode", choices=("tower", "joint"), default="tower", help="its pooled features, or its heads' (tower)"
    )
    group.add_argument(
        "--sound", action="store_true", help="add what is heard; in a narrated film that tells where a sentence is"
    )
    group.add_argument(
        "--short",
        choices=("loop", "stretch", "context"),
        default="loop",
        help="how a clip shorter than a window is shown (loop)",
    )
    group.add_argument("--image", metavar="NAME", help="timm image encoder, or a folder that timm has saved")
    group.add_argument("--image-weights", type=Path, metavar="FILE", help="its weights, instead of downloaded ones")
    group.add_argument(
        "--frames", type=_at_least_one, default=1, metavar="N", help="pictures a clip (1: the central one)"
    )
    group.add_argument("--text", metavar="NAME", help="transformers text encoder or its folder, or tfidf")
    group.add_argument(
        "--width", type=_at_least_one, default=300, metavar="N", help="of tfidf features, and of made clips (300)"
    )
    group.add_argument(
        "--features", type=Path, metavar="DIR", help="given features, a file a film: npz, npy, safetensors"
    )


def _add_films(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--shots", choices=("detect", "fixed"), default="detect", help="where clips begin and end (detect)"
    )
    group.add_argument("--window", type=_positive, default=3.0, metavar="SECONDS", help="length of --shots fixed (3)")
    group.add_argument(
        "--times",
        choices=("unknown", "truth"),
        default="unknown",
        help="truth: the sentences' times are when they are seen (unknown)",
    )
    group.add_argument(
        "--keep-media", action="store_true", help="keep the decoded windows, to train the encoder along (data.encoder)"
    )


def _add_annotations(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--media", type=Path, metavar="DIR", help="yms: the films, named by their numbers")
    group.add_argument(
        "--texts", choices=("phrases", "sentences"), default="phrases", help="yms: which texts (phrases)"
    )
    group.add_argument(
        "--noise", type=float, metavar="X", help="yms, captions: clips made from the texts, with noise of this length"
    )
    group.add_argument(
        "--variant",
        choices=("hm0", "hm1", "hm2", "hm12"),
        default="hm0",
        help="captions: with distractors (1), lost texts (2), both (hm0: neither)",
    )
    group.add_argument(
        "--pieces", type=_at_least_one, default=1, metavar="N", help="captions: every clip in up to N pieces (1)"
    )
    group.add_argument(
        "--partners", type=_at_least_one, default=1, metavar="N", help="tacos: partners of each description (1)"
    )
    group.add_argument(
        "--streams", type=_at_least_two, default=2, metavar="N", help="tacos: descriptions that are aligned at once (2)"
    )


def _run(options: argparse.Namespace) -> int:
    from transformers.utils import logging

    from vatt_harmony.align.prepare import prepare_verb

    logging.disable_progress_bar()
    return prepare_verb(options)


def _at_least_one(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def _at_least_two(text: str) -> int:
    if (number := int(text)) < 2:
        raise argparse.ArgumentTypeError(f"{number} is not at least 2")
    return number


def _positive(text: str) -> float:
    if not (number := float(text)) > 0:
        raise argparse.ArgumentTypeError(f"{number} is not above 0")
    return number
