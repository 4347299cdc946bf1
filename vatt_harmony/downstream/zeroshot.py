"""Zero-shot classification: the class whose name, said in sentences, lies nearest to the clip."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from vatt_harmony.downstream.probe import Rows, test_windows
from vatt_harmony.downstream.probe_measures import Measure, Scored, measures
from vatt_harmony.downstream.probe_media import Modality
from vatt_harmony.downstream.probe_metrics import Array
from vatt_harmony.downstream.probe_sets import ProbeSet
from vatt_harmony.errors import UserError
from vatt_harmony.model.hf import PAIR_OF, VattModel
from vatt_harmony.model.processor import VattProcessor


@dataclass(frozen=True, kw_only=True)
class ZeroshotResult:
    """How often the nearest class is the right one."""

    modality: Modality
    measures: dict[str, Measure]
    items: int
    """Tested items, each once."""
    chance: float
    """Accuracy of a random answer."""
    cut_short: tuple[str, ...]
    """Classes that a template makes longer than the model reads; their names may be cut off."""


def not_available(model: VattModel, modality: Modality) -> str:
    """Why this model has no zero-shot figure for a modality; "" where it has one."""
    pair = PAIR_OF[modality, "vt"]
    if pair in model.config.trained_pairs:
        return ""
    if modality == "audio":
        return (
            "no loss has brought sound and text together (pretrain with model.audio_text_head true and a weight for "
            "audio_text); a route through video would measure something else"
        )
    return "no loss has brought video and text together (pretrain with a weight for video_text)"


def zeroshot(
    model: VattModel,
    processor: VattProcessor,
    labelled: ProbeSet,
    rows: Rows,
    modality: Modality,
    templates: Sequence[str],
    seed: int = 0,
) -> ZeroshotResult:
    """Cosine of every tested clip with every class, in the space the model shares with text.

    `rows` are raw embeddings in the space "vt": those of a clip's test windows are averaged, then normalised. A
    class is the normalised mean of its unit vectors, one for each template, whose {} becomes the class's name.
    Raises UserError for a template without {}, items of several classes, or when no item could be read.
    """
    tested = tuple(clip for clip in labelled.clips if clip.key in labelled.tested and clip.key in rows)
    if not tested or any(len(clip.classes) != 1 for clip in tested):
        raise UserError(
            f"{labelled.name} has {'items of several classes' if tested else f'no {modality} that could be read'}",
            "The nearest class is not an answer to that",
            "Give a set with one class an item" if tested else "Check the files of the set",
        )
    classes, cut_short = class_embeddings(model, processor, labelled.classes, templates)
    raw = np.stack([test_windows(rows[clip.key]).mean(axis=0) for clip in tested])
    clips = F.normalize(torch.from_numpy(raw).double(), dim=-1)
    scores: Array = (clips @ classes.T).numpy()
    return ZeroshotResult(
        modality=modality,
        measures=measures([Scored(scores, labelled.truth(tested))], seed),
        items=len(tested),
        chance=1 / len(labelled.classes),
        cut_short=cut_short,
    )


@torch.no_grad()
def class_embeddings(
    model: VattModel, processor: VattProcessor, classes: Sequence[str], templates: Sequence[str]
) -> tuple[torch.Tensor, tuple[str, ...]]:
    """Unit vectors float64 [C, D] of the classes, and the classes of which a sentence is too long for the model."""
    for template in templates:
        if "{}" not in template:
            raise UserError(
                f"The template {template!r} has no {{}}",
                "Every class would be the same sentence",
                "Write {} where the class's name belongs, such as 'a video of {}'",
            )
    total, cut_short = None, dict[str, None]()
    for template in templates:
        sentences = [template.replace("{}", spoken(name)) for name in classes]
        for name, sentence in zip(classes, sentences, strict=True):
            encoding = processor.tokenizer.encode(sentence, add_special_tokens=False)
            if encoding.overflowing or len(encoding.ids) > processor.words:
                cut_short[name] = None
        ids = processor.encode(sentences).to(model.device)
        unit = F.normalize(model.embed_raw("text", ids)["video_text"]["text"].double().cpu(), dim=-1)
        total = unit if total is None else total + unit
    assert total is not None  # the command line gives at least one template
    return F.normalize(total, dim=-1), tuple(cut_short)


def spoken(name: str) -> str:
    """A class's name as a person would say it: `ApplyEyeMakeup` and `apply_eye_makeup` -> `apply eye makeup`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(re.split(r"[\s_\-]+", apart)).strip().lower()
