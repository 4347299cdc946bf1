"""Features of the clips that films are made of, kept in a file for each fold, since an encoder takes over a minute."""

from dataclasses import asdict
from pathlib import Path

from safetensors.torch import load_file, save_file

from vatt_harmony.scale.align_study.grid_corpus import Corpus
from vatt_harmony.scale.align_study.grid_embed import Embedded, embed
from vatt_harmony.scale.align_study.grid_encoder import train_encoder
from vatt_harmony.scale.align_study.grid_parts import parts


def features_of(corpus: Corpus, fold: int, folder: Path) -> Embedded:
    """All clips of a fold but its encoder's, in the order of `Parts.embedded`; trains the encoder the first time."""
    path = folder / f"features{fold}.safetensors"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        chosen = parts(fold)
        embedded = embed(train_encoder(corpus, chosen.encoder, seed=fold), corpus, chosen.embedded)
        part = path.with_suffix(".part")
        save_file({name: values.contiguous() for name, values in asdict(embedded).items()}, part)
        part.rename(path)
    return Embedded(**load_file(path))
