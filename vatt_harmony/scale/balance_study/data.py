"""The three tasks by name."""

from collections.abc import Callable, Mapping
from pathlib import Path

from vatt_harmony.scale.align_study.grid_corpus import read_corpus
from vatt_harmony.scale.balance_study.grid_words import DIGIT, LETTER, grid_task
from vatt_harmony.scale.balance_study.spoken_digits import digits_task
from vatt_harmony.scale.balance_study.task import Task

GRID_LETTER, GRID_DIGIT, AV_DIGITS = "GRID letter", "GRID digit, noisy", "AV digits"
TASKS: Mapping[str, Callable[[Path], Task]] = {
    GRID_LETTER: lambda data: grid_task(read_corpus(data / "grid"), LETTER, noisy=False),
    GRID_DIGIT: lambda data: grid_task(read_corpus(data / "grid"), DIGIT, noisy=True),
    AV_DIGITS: lambda data: digits_task(data / "av_digits"),
}
"""Task -> how it is read from the folder of real media: 15 s on one core at most."""
