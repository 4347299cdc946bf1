"""The demo's alignment: an aligner trained on films of the corpus' clips, measured on films of held-out clips."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import torch
import yaml
from rich.console import Console

from vatt_harmony.align.comparison import NAMES, comparison
from vatt_harmony.align.config import AlignConfig
from vatt_harmony.align.decode import predict_all
from vatt_harmony.align.predict import write_predictions
from vatt_harmony.align.sequence import AlignmentSequence, Owners, owners_of, save_sequences
from vatt_harmony.align.table import table_of
from vatt_harmony.align.train.fit import fit
from vatt_harmony.align.trained import CONFIG
from vatt_harmony.config import load_config, shipped_file, to_mapping
from vatt_harmony.demo.aligned import OWN, Aligned
from vatt_harmony.demo.film_sequences import Encoder, write_film
from vatt_harmony.demo.films import FilmPlan, plan_films
from vatt_harmony.demo.settings import DemoSettings
from vatt_harmony.demo.threads import one_thread
from vatt_harmony.demo.truth import Clip
from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.model.loading import load_model
from vatt_harmony.randomness import keyed_generator

RECIPE = "configs/align/demo.yaml"
FILMS = {"train": 256, "val": 24, "test": None}
"""Films of each split; None: every clip in one film, so that films are independent of one another."""
SHORT = {"train": 8, "val": 2, "test": None}
"""The same where few steps are asked for."""


def align(settings: DemoSettings, clips: Mapping[str, Clip]) -> Aligned:
    """Make the films, train, measure, write the page; a finished stage is read from its file.

    `clips` is the corpus by video id. Raises UserError where the encoder is missing.
    """
    kept = settings.alignment / "result.json"
    if not kept.is_file():
        with one_thread():
            films = _sequences(settings, clips)
            found = _train_and_align(settings, films)
            kept.write_text(json.dumps(asdict(_measure(found, films))))
    read = json.loads(kept.read_text())
    return Aligned(**{name: {row: Interval(**value) for row, value in rows.items()} for name, rows in read.items()})


def _sequences(settings: DemoSettings, clips: Mapping[str, Clip]) -> dict[str, list[AlignmentSequence]]:
    plans = {split: _plans(settings, split, own) for split, own in _splits(settings.seed, clips).items()}
    model, processor = load_model(settings.encoder, "cuda" if torch.cuda.is_available() else "cpu")
    encoder = Encoder(model, processor, clips, settings.seed)
    encoder.read([film for films in plans.values() for film in films])
    media = {
        film.name: write_film(film, clips, settings.alignment / "films" / f"{film.name}.mp4") for film in plans["test"]
    }
    films = {split: [encoder.sequence(film, media.get(film.name)) for film in own] for split, own in plans.items()}
    for split, own in films.items():
        save_sequences(settings.alignment / "sequences" / split, own, {"encoder": settings.encoder.name})
    return films


def _splits(seed: int, clips: Mapping[str, Clip]) -> dict[str, dict[str, Sequence[str]]]:
    """Captions of the clips of each split. A film's script is right about it: clips with planted faults stay out.

    Validation films are of held-out clips too, a quarter: on its own training clips the encoder is better, and what is
    tuned there would be too sure.
    """
    held_out = [name for name in clips if name.startswith("test")]
    order = [held_out[place] for place in keyed_generator(seed, "films", "splits").permutation(len(held_out))]
    parts = {
        "train": [name for name, clip in clips.items() if name.startswith("train") and not clip.fault],
        "val": order[: len(order) // 4],
        "test": order[len(order) // 4 :],
    }
    return {split: {name: clips[name].captions for name in names} for split, names in parts.items()}


def _plans(settings: DemoSettings, split: str, captions: Mapping[str, Sequence[str]]) -> list[FilmPlan]:
    films = (FILMS if settings.steps is None else SHORT)[split]
    return plan_films(split, captions, keyed_generator(settings.seed, "films", split), films)


def _train_and_align(settings: DemoSettings, films: Mapping[str, Sequence[AlignmentSequence]]) -> list[Owners]:
    changes = ["--seed", str(settings.seed), *(["--train.epochs", "1"] if settings.steps is not None else [])]
    config = load_config(AlignConfig, shipped_file(RECIPE), changes)
    run = settings.alignment / "run"
    fitted = fit(config, films["train"], films["val"], run)
    (run / CONFIG).write_text(yaml.safe_dump(to_mapping(config), sort_keys=False))  # `align predict` decodes by it
    predictions = predict_all(fitted.model, films["test"], config.decode)
    write_predictions(films["test"], predictions, settings.alignment, Console(quiet=True))
    return [
        owners_of(prediction.pairs, len(film.clips))
        for prediction, film in zip(predictions, films["test"], strict=True)
    ]


def _measure(found: Sequence[Owners], films: Mapping[str, Sequence[AlignmentSequence]]) -> Aligned:
    names = [name for name in NAMES if name != "oracle"]
    methods = comparison(films["test"], films["val"], names).methods
    every = {OWN: found} | {name: [method(film) for film in films["test"]] for name, method in methods.items()}
    table = table_of(every, films["test"])
    return Aligned(
        accuracy=table.intervals("accuracy"), iou=table.intervals("iou"), differences=table.differences("accuracy", OWN)
    )
