"""Opening an exported folder for use."""

import json
from pathlib import Path

import torch

from vatt_harmony.errors import UserError
from vatt_harmony.model.hf import VattModel
from vatt_harmony.model.hf_config import VattConfig
from vatt_harmony.model.processor import VattProcessor

FILES = ("config.json", "model.safetensors", "processor_config.json", "tokenizer.json")


def load_model(folder: Path, device: torch.device | str = "cpu") -> tuple[VattModel, VattProcessor]:
    """The model, in evaluation mode on `device`, and the processor of an exported folder.

    Raises UserError when the folder is not an export of this project, or not all of one.
    """
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise UserError(
            f"{folder} has no {', '.join(missing)}",
            "It cannot be loaded as a model",
            "Give the folder that vatt-harmony export wrote; for a run: vatt-harmony export RUN OUT",
        )
    try:
        kind = json.loads((folder / "config.json").read_text()).get("model_type")
    except (ValueError, AttributeError):
        kind = None
    if kind != VattConfig.model_type:
        raise UserError(
            f"{folder}/config.json says model_type {kind!r}, not {VattConfig.model_type!r}",
            "Its weights are those of another model",
            "Give a folder that vatt-harmony export wrote",
        )
    model = VattModel.from_pretrained(folder)
    return model.to(device).eval(), VattProcessor.from_pretrained(folder)
