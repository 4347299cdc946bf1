"""Writes a pretrained model as a Hugging Face folder that loads with this package or, by remote code, without it."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers.dynamic_module_utils import get_relative_import_files

from vatt_harmony.downstream.card import model_card
from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure
from vatt_harmony.model import hf
from vatt_harmony.model.hf import VattModel
from vatt_harmony.model.hf_config import VattConfig
from vatt_harmony.model.processor import VattProcessor
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.stream.config import StreamConfig

AUTO_MAP = {"AutoConfig": "hf.VattConfig", "AutoModel": "hf.VattModel", "AutoProcessor": "processor.VattProcessor"}


def export(
    vatt: Vatt,
    tokenizer: Path,
    stream: StreamConfig,
    out: Path,
    *,
    weights: Mapping[str, float],
    data: Sequence[str] = (),
    figures: Sequence[Figure] = (),
) -> None:
    """Write config.json, model.safetensors, the processor, tokenizer.json, the model's code and README.md into `out`.

    `tokenizer` is the run's tokenizer.json; `weights` maps each pair to its loss weight (0 = never aligned);
    `data` names the sources and `figures` are measured results, both for the model card. An earlier export in
    `out` is replaced. Raises UserError when `out` holds something else. One process, weights on the CPU or a device.
    """
    _check_folder(out)
    if not tokenizer.is_file():
        raise UserError(
            f"{tokenizer} does not exist",
            "Sentences could not be turned into the ids this model knows",
            "Give the tokenizer.json of the run that trained it",
        )
    trained = [pair for pair, weight in weights.items() if weight > 0]
    config = VattConfig(vatt=vatt.config.to_dict(), trained_pairs=trained, auto_map=AUTO_MAP)
    out.mkdir(parents=True, exist_ok=True)
    _wrap(vatt, config).save_pretrained(out)
    processor_for(stream, Tokenizer.from_file(str(tokenizer))).save_pretrained(out)
    for source in model_code():
        shutil.copyfile(source, out / source.name)
    (out / "README.md").write_text(model_card(vatt, stream, weights, data, figures))


def processor_for(stream: StreamConfig, tokenizer: Tokenizer) -> VattProcessor:
    """The processor that gives what a stream of these settings gave."""
    return VattProcessor(
        tokenizer,
        frames=stream.frames,
        fps=stream.fps,
        size=stream.size,
        sample_rate=stream.sample_rate,
        words=stream.words,
    )


def model_code() -> list[Path]:
    """The files of `model/` that an export needs: `hf.py` and all it imports of its own folder."""
    entry = Path(hf.__file__)
    return [entry, *sorted({Path(name) for name in get_relative_import_files(entry)})]


def _wrap(vatt: Vatt, config: VattConfig) -> VattModel:
    """A `VattModel` around the trained weights; nothing is copied."""
    with torch.device("meta"):
        model = VattModel(config)
    model.vatt = vatt
    return model


def _check_folder(out: Path) -> None:
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not _is_export(out)):
        raise UserError(
            f"{out} exists and is not an export of this project",
            "Its files could be overwritten",
            "Name a folder that does not exist or is empty",
        )


def _is_export(folder: Path) -> bool:
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and config.get("model_type") == VattConfig.model_type
