"""Miniatures of the published sets, so that each recipe can be run end to end without them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from vatt_harmony.finetune.config import EncoderConfig, FinetuneConfig
from vatt_harmony.finetune.miniature import layouts
from vatt_harmony.finetune.miniature.weights import write_speech, write_vatt

MINIATURES: Mapping[str, Callable[[Path, float], None]] = {
    "crema_d": layouts.crema_d_folds,
    "crema_d_ogm": layouts.crema_d_ogm,
    "ave": layouts.ave_lists,
    "ucf101_51": layouts.ucf101,
    "hmdb51": layouts.hmdb,
    "kinetics400": layouts.kinetics400,
    "kinetics_sounds": layouts.kinetics_sounds,
    "esc50": layouts.esc,
}


def write_miniature(name: str, root: Path, share: float = 1.0) -> Path:
    """Write the miniature of the set `name` into `root`, which must not exist; `share` of its clips. Gives `root`."""
    root.mkdir(parents=True)
    MINIATURES[name](root, share)
    return root


def miniature_run(recipe: FinetuneConfig, folder: Path, *, share: float = 1.0, steps: int = 2) -> FinetuneConfig:
    """The recipe on its miniature, which is written into `folder`: inputs, networks, rule and optimizer as they are.

    Only what costs time is cut: one epoch of `steps` optimizer steps of two clips, two clips to validate and two to
    test, and exported or saved weights of next to no size in the stead of the published ones.
    """
    root = write_miniature(recipe.data.set, folder / "data", share)
    encoders = {name: _small(name, encoder, recipe, folder) for name, encoder in recipe.encoders.items()}
    train = replace(
        recipe.train, epochs=1, batch=2, accumulation=1, max_steps=steps, epoch_steps=steps, eval_items=2, patience=0
    )
    return replace(
        recipe,
        data=replace(recipe.data, root=str(root), workers=0),
        encoders=encoders,
        train=train,
    )


def _small(name: str, encoder: EncoderConfig, recipe: FinetuneConfig, folder: Path) -> EncoderConfig:
    if encoder.kind == "vatt":
        return replace(encoder, weights=str(write_vatt(folder / f"vatt_{name}", recipe)))
    if encoder.kind == "conformer" and encoder.conformer.base:
        base = write_speech(folder / "speech")
        return replace(encoder, conformer=replace(encoder.conformer, base=str(base), base_layers=2))
    return encoder
