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


def write_clips(folder: Path, pairs: Iterable[Pair]) -> Path:
    """Clips and their manifest in `folder`; the manifest. Finished ones are left as they are.

    No clip has a label, and all have one and the same caption, which no loss reads: a run needs a vocabulary.
    """
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        (folder / "clips").mkdir(parents=True, exist_ok=True)
        rows = [("path", "source", "caption")]
        for name, heard, seen in pairs:
            place = folder / "clips" / f"{name}.mp4"
            encode_clip(place, video=film_of(seen), fps=FPS, audio=heard, sample_rate=RATE, bit_rate=BIT_RATE)
            rows.append((f"clips/{name}.mp4", folder.name, CAPTION))
        with manifest.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return manifest


def build_shards(manifest: Path, out: Path, left_out: Sequence[str] = ()) -> Path:
    """Shards of all clips but those named in `left_out`; the folder that `pretrain` reads."""
    out.mkdir(parents=True, exist_ok=True)
    drops = out / "left-out.txt"
    drops.write_text("".join(f"{name}\n" for name in left_out))
    settings = BuildSettings(reencode="never")
    build(manifest, out, settings, workers=1, console=Console(quiet=True), exclude=drops if left_out else None)
    return out / "train"
