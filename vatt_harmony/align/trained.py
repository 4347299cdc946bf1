"""What `align predict` and `align evaluate` start from: a trained aligner, how it decodes, and a split to align."""

from dataclasses import replace
from pathlib import Path

from vatt_harmony.align.check import check_sequence
from vatt_harmony.align.config import AlignConfig, DecodeConfig, Method
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.sequence import ABOUT, AlignmentSequence, load_sequences
from vatt_harmony.align.train.checkpoint import model_folder
from vatt_harmony.config import load_config
from vatt_harmony.downstream.ranks import usable_device
from vatt_harmony.errors import UserError

CONFIG = "config.yaml"


def load_aligner(path: Path, device: str) -> NeuMatch:
    """The aligner of a run or of one of its model folders, in evaluation mode; raises UserError where there is none."""
    return NeuMatch.from_pretrained(model_folder(path)).to(usable_device(device)).eval()


def decoding(path: Path, method: Method | None = None, beam: int | None = None) -> DecodeConfig:
    """How the run of an aligner has decoded in validation, greedily where that is not known; options replace it.

    `beam` alone asks for that method too. Raises UserError for a beam below 1, and one for another method.
    """
    known = next((each / CONFIG for each in (path, *path.resolve().parents[:2]) if (each / CONFIG).is_file()), None)
    config = DecodeConfig() if known is None else load_config(AlignConfig, known).decode
    if beam is not None and (beam < 1 or method not in (None, "beam")):
        raise UserError(
            f"--beam is {beam}, --method {method or 'beam'}",
            "No paths would be kept, or their number would not matter",
            "Give --beam a number from 1 on, with --method beam",
        )
    if beam is not None:
        return DecodeConfig(method="beam", beam=beam)
    return config if method is None else replace(config, method=method)


def read_split(data: Path, split: str) -> list[AlignmentSequence]:
    """The sequences of a split of prepared data, as `split_folder` finds it; raises UserError where there is none."""
    folder = split_folder(data, split)
    sequences = load_sequences(folder)
    for sequence in sequences:
        check_sequence(sequence)
    if not sequences:
        raise UserError(f"{folder} holds no sequence", "There is nothing to align", "Choose another --split")
    return sequences


def split_folder(data: Path, split: str) -> Path:
    """Where a split of prepared data lies; a folder that holds sequences itself is taken as it is."""
    return data if (data / ABOUT).is_file() else data / split
