"""A labelled set of sounds and pictures that is learnt in seconds, as a CSV table, and a recipe for it."""

import csv
import wave
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vatt_harmony.config import from_mapping, to_mapping
from vatt_harmony.finetune.config import FinetuneConfig

RATE = 4000
SIZE = 16
CLASSES = ("high", "low", "middle")
TONES = {"high": 1200.0, "low": 200.0, "middle": 600.0}


def write_table(folder: Path, train: int = 18, held_out: int = 6) -> Path:
    """`folder/table.csv`: `train`, and twice `held_out` clips. The sound tells the class always, the picture often."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    rows = []
    for number in range(train + 2 * held_out):
        split = "train" if number < train else "val" if number < train + held_out else "test"
        label = CLASSES[number % len(CLASSES)]
        shown = label if generator.random() < 0.7 else CLASSES[generator.integers(len(CLASSES))]
        write_tone(folder / f"{number}.wav", TONES[label], generator)
        write_pictures(folder / f"frames{number}", CLASSES.index(shown), generator)
        rows.append({"frames": f"frames{number}", "audio": f"{number}.wav", "label": label, "split": split})
    path = folder / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_tone(path: Path, frequency: float, generator: np.random.Generator) -> None:
    """A quarter of a second of a tone in noise."""
    seconds = np.arange(RATE // 4) / RATE
    sound = 0.5 * np.sin(2 * np.pi * frequency * seconds) + 0.05 * generator.standard_normal(len(seconds))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound * 32767).clip(-32768, 32767).astype("<i2").tobytes())


def write_pictures(folder: Path, channel: int, generator: np.random.Generator) -> None:
    """Two frames that are bright in one channel."""
    folder.mkdir()
    for number in range(2):
        picture = generator.integers(0, 120, (SIZE, SIZE, 3))
        picture[..., channel] += 120
        Image.fromarray(picture.astype(np.uint8)).save(folder / f"{number}.png")


def table_recipe(table: Path, **changes: Any) -> FinetuneConfig:
    """A recipe for the table that takes a second; `changes` replace dotted fields: `train__epochs=1`."""
    mapping: dict[str, Any] = {
        "data": {"set": "table", "root": str(table), "modalities": ["video", "audio"], "workers": 0, "cache": "memory"},
        "inputs": {
            "video": {"frames": 2, "size": SIZE},
            "audio": {
                "sample_rate": RATE, "seconds": 0.25, "n_fft": 128, "hop": 64, "mels": 16, "normalise": "sample",
            },
        },
        "encoders": {name: {"kind": "timm", "name": "test_vit"} for name in ("video", "audio")},
        "optim": {"lr": 2e-3},
        "balance": {"rule": "mlb"},
        "train": {"epochs": 2, "batch": 6},
    }  # fmt: skip
    for dotted, value in changes.items():
        *parents, last = dotted.split("__")
        place = mapping
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return from_mapping(FinetuneConfig, mapping)


def table_yaml(config: FinetuneConfig, path: Path) -> Path:
    """The recipe as a file."""
    import yaml

    path.write_text(yaml.safe_dump(to_mapping(config)))
    return path
