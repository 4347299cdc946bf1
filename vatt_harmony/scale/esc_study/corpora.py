"""The corpora of pretraining: clips of a sound and the film of a sound like it, as shards that `pretrain` reads."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from vatt_harmony.media.encode import encode_clip
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.esc_study.pictures import RATE, Sound, altered, film_of
from vatt_harmony.scale.esc_study.voices import draw_voice, perform
from vatt_harmony.shards.build import build
from vatt_harmony.shards.plan import BuildSettings

SECONDS = 5
FPS = 1.0
BIT_RATE = 64000
VERSIONS = 4
"""Altered versions of a recorded sound in its clip."""
CAPTION = "a sound"
Pair = tuple[str, Sound, Sound]
"""Name, what is heard, what is seen."""


def voices(count: int, seed: int) -> Iterable[Pair]:
    """Two performances of each of `count` voices. Each is heard twice over, so that a window may begin anywhere."""
    for number in range(count):
        generator = keyed_generator(seed, "voice", number)
        voice = draw_voice(generator)
        heard, seen = (np.tile(perform(voice, SECONDS, RATE, generator), 2) for _ in range(2))
        yield f"voice_{number:05d}", heard, seen


def recordings(sounds: Sequence[Sound], names: Sequence[str], seed: int) -> Iterable[Pair]:
    """Altered versions of each sound `[5 s]` one after the other, other ones in the film."""
    for sound, name in zip(sounds, names, strict=True):
        generator = keyed_generator(seed, "recording", name)
        heard, seen = (np.concatenate([altered(sound, generator) for _ in range(VERSIONS)]) for _ in range(2))
        yield name, heard, seen


def write_corpus(folder: Path, pairs: Iterable[Pair]) -> Path:
    """Clips, manifest and shards in `folder`; the folder of the shards. A finished corpus is left as it is.

    No clip has a label, and all have one and the same caption, which no loss reads: a run needs a vocabulary.
    """
    shards = folder / "shards"
    mark = folder / "finished"
    if not mark.is_file():
        (folder / "clips").mkdir(parents=True, exist_ok=True)
        with (folder / "manifest.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("path", "source", "caption"))
            for name, heard, seen in pairs:
                place = folder / "clips" / f"{name}.mp4"
                encode_clip(place, video=film_of(seen), fps=FPS, audio=heard, sample_rate=RATE, bit_rate=BIT_RATE)
                rows.writerow((f"clips/{name}.mp4", folder.name, CAPTION))
        build(folder / "manifest.csv", shards, BuildSettings(reencode="never"), workers=1, console=Console(quiet=True))
        mark.touch()
    return shards / "train"
