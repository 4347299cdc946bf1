"""What the verbs that measure an exported model have in common; nothing that needs torch is imported to read them."""

import argparse
import os
from pathlib import Path


def add_common(parser: argparse.ArgumentParser) -> None:
    """The device, and where figures go."""
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, … (default: cuda where there is one)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")


def quieten_libraries(device: str) -> None:
    """No bars while weights are read; without CUDA, no search for an accelerator. Before they are imported."""
    import torch

    if device == "cpu" or not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    from transformers.utils import logging

    logging.disable_progress_bar()


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def count(text: str) -> int:
    """A whole number of at least 0."""
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError(f"{number} is negative")
    return number
