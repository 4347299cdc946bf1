"""A configuration to its labelled set and the three data sets made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.finetune.cut import Encode
from vatt_harmony.finetune.dataset import FinetuneDataset
from vatt_harmony.finetune.items import Item, LabelledSet, Split
from vatt_harmony.finetune.sets import load_set
from vatt_harmony.finetune.store import ClipStore
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.stream.tokenizer import load_tokenizer


@dataclass(frozen=True, kw_only=True)
class Splits:
    """What a run reads."""

    labelled: LabelledSet
    train: FinetuneDataset
    val: FinetuneDataset
    test: FinetuneDataset


def open_splits(config: FinetuneConfig, store: ClipStore | None = None) -> Splits:
    """The set of `config.data` and its splits; `config.train.eval_items` cuts validation and test.

    `store` keeps decoded clips from one run to the next; without one, `data.cache: memory` keeps them for this run.
    Raises UserError (see `load_set`). Touches no process group.
    """
    labelled = load_set(config.data, config.task.kind)
    if store is None and config.data.cache == "memory":
        store = ClipStore()
    encode = encoder_of_text(config) if "text" in config.data.modalities else None

    def split(name: Split) -> FinetuneDataset:
        items = labelled.split(name)
        return FinetuneDataset(
            spread(items, config.train.eval_items, name) if name != "train" and config.train.eval_items else items,
            config.inputs,
            config.data.modalities,
            train=name == "train",
            task=labelled.task,
            classes=len(labelled.classes),
            seed=config.seed,
            mask_missing=config.data.missing == "mask",
            store=store,
            encode=encode,
        )

    return Splits(labelled=labelled, train=split("train"), val=split("val"), test=split("test"))


def spread(items: Sequence[Item], count: int, name: str) -> list[Item]:
    """At most `count` of the items, one drawn from each of as many equal stretches: a list may be sorted by class.

    The draws are keyed by `name` alone, so that all seeds are judged by the same items.
    """
    if count >= len(items):
        return list(items)
    places = np.arange(count) + keyed_generator(0, "eval items", name).random(count)
    return [items[int(place * len(items) / count)] for place in places]


def encoder_of_text(config: FinetuneConfig) -> Encode:
    """Sentences to ids `[L]`: with the encoder's special tokens for a transformers model, without for VATT's.

    Raises UserError where the tokenizer is missing or does not pad with id 0.
    """
    encoder, text = config.encoders["text"], config.inputs.text
    place = Path(encoder.weights if text.tokenizer == "vatt" else text.tokenizer)
    tokenizer = load_tokenizer(place, text.words)
    special = encoder.kind == "transformers"

    def encode(sentence: str) -> NDArray[np.int64]:
        return np.array(tokenizer.backend.encode(sentence, add_special_tokens=special).ids, np.int64)

    return encode
