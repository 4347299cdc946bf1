"""Encoders told by a saved model itself, so that its folder needs no other one."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from vatt_harmony.finetune.config import EncoderConfig, TextConfig

TOKENIZER = "tokenizer.json"


def describe(config: EncoderConfig, shape: Any, folder: Path, name: str) -> EncoderConfig:
    """The configuration that rebuilds an encoder, its weights left out, relative to the model's folder.

    `shape` is the transformers configuration of its network, written to `folder/name/config.json`; None where the
    configuration alone tells it.
    """
    if shape is None:
        return replace(config, weights="", pretrained=False)
    shape.save_pretrained(folder / name)
    if config.kind == "conformer":
        return replace(config, pretrained=False, conformer=replace(config.conformer, base=name))
    return replace(config, pretrained=False, weights=name)


def locate(config: EncoderConfig, folder: Path) -> EncoderConfig:
    """`describe`'s result with its paths below `folder`."""
    base = config.conformer.base and str(folder / config.conformer.base)
    return replace(
        config,
        weights=config.weights and str(folder / config.weights),
        conformer=replace(config.conformer, base=base),
    )


def bring_tokenizer(config: EncoderConfig, text: TextConfig, folder: Path) -> TextConfig:
    """Copy the tokenizer beside the description of the text encoder in `folder`, where `vatt` then finds it."""
    place = Path(config.weights if text.tokenizer == "vatt" else text.tokenizer)
    file = place / TOKENIZER if place.is_dir() else place
    if not file.is_file():  # built without data, and never asked for words
        return text
    folder.mkdir(parents=True, exist_ok=True)
    if file.resolve() != (folder / TOKENIZER).resolve():
        shutil.copyfile(file, folder / TOKENIZER)
    return replace(text, tokenizer="vatt")
