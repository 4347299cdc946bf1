"""Features of clips and sentences from an encoder that this project exported, frozen or with gradient."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from vatt_harmony.align.features.windows import Cut, Short, every_cut, read_cuts
from vatt_harmony.errors import UserError
from vatt_harmony.model.hf import PAIR_OF, VattModel
from vatt_harmony.model.processor import VattProcessor

Mode = Literal["joint", "tower"]
"""Features of the space that clips and sentences share, or what stands before its projections."""
BATCH = 8
"""Windows or sentences encoded at a time."""


@dataclass(frozen=True)
class Encoded:
    """Unit vectors of N items."""

    tower: Tensor
    """`[N, D]`: the pooled features before the projection heads."""
    joint: Tensor
    """`[N, J]`: the video-text space."""

    def of(self, mode: Mode) -> Tensor:
        """The features that a mode names."""
        return self.joint if mode == "joint" else self.tower


def clip_features(
    model: VattModel,
    processor: VattProcessor,
    path: Path,
    spans: ArrayLike,
    mode: Mode = "joint",
    sound: bool = False,
    *,
    short: Short = "loop",
    batch: int = BATCH,
) -> NDArray[np.float32]:
    """Unit vectors float32 [N, D] of the clips `spans` [N, 2] (seconds) of a film, by a frozen encoder.

    `sound` adds what is heard: to `joint` as the mean of the two unit vectors, to `tower` as further columns. Raises
    MediaError when a clip gives no picture, and UserError when the model has not learnt what is asked of it.
    """
    check_model(model, sound)
    features = []
    waiting = every_cut(read_cuts(path, spans, processor, sound=sound, short=short))
    with torch.no_grad():
        while group := list(islice(waiting, batch)):
            features.append(encode_clips(model, group, sound, batch).of(mode).cpu().numpy())
    return np.concatenate(features) if features else np.zeros((0, 0), np.float32)


def text_features(
    model: VattModel, processor: VattProcessor, texts: Sequence[str], mode: Mode = "joint", *, batch: int = BATCH
) -> NDArray[np.float32]:
    """Unit vectors float32 [N, D] of sentences, by a frozen encoder; raises ValueError for one without a word."""
    with torch.no_grad():
        encoded = encode_texts(model, token_chunks(processor, texts), batch).of(mode)
    return np.asarray(encoded.cpu().numpy())


def check_model(model: VattModel, sound: bool) -> None:
    """Raises UserError when the space of a model cannot hold pictures, texts and (with `sound`) sounds alike."""
    trained = model.config.trained_pairs
    if "video_text" not in trained:
        raise UserError(
            f"This encoder was trained on {', '.join(trained) or 'no pair'}, not on video_text",
            "Its clips and sentences lie in spaces that have nothing to do with each other",
            "Give an encoder pretrained with a weight for video_text",
        )
    if sound and not model.config.model_config.audio_text_head:
        raise UserError(
            "This encoder has no audio-text head",
            "What is heard could not be compared with sentences",
            "Pretrain with model.audio_text_head true and a weight for audio_text, or leave out the sound",
        )


def encode_clips(model: VattModel, cuts: Sequence[Cut], sound: bool = False, batch: int = BATCH) -> Encoded:
    """Features of clips, the mean over their windows; the model must be in evaluation mode.

    With gradient, where it is enabled: then `batch` windows are kept at a time and computed again in the backward.
    """
    seen = _encode(model, "video", [torch.from_numpy(cut.video) for cut in cuts], batch)
    if not sound:
        return seen
    heard = [place for place, cut in enumerate(cuts) if cut.audio is not None]
    windows = [torch.from_numpy(cut.audio) for cut in cuts if cut.audio is not None]
    blank = torch.zeros(1, model.config.model_config.samples)
    encoded = _encode(model, "audio", windows or [blank], batch)
    rows = torch.tensor(heard, dtype=torch.int64, device=seen.joint.device)
    # A silent clip adds nothing to the mean, and zeros to the columns.
    tower = _placed(encoded.tower, rows, len(cuts))
    joint = seen.joint + _placed(encoded.joint, rows, len(cuts))
    return Encoded(F.normalize(torch.cat([seen.tower, tower], dim=1), dim=-1), F.normalize(joint, dim=-1))


def encode_texts(model: VattModel, chunks: Sequence[Tensor], batch: int = BATCH) -> Encoded:
    """Features of sentences, each given as chunks int64 [C, L] of `token_chunks`; gradient as in `encode_clips`."""
    return _encode(model, "text", chunks, batch)


def token_chunks(processor: VattProcessor, texts: Sequence[str]) -> list[Tensor]:
    """Ids int64 [C, words] of each sentence; one of more than `words` tokens becomes C chunks of about equal length.

    Equal, so that each token has about the same weight in the mean over chunks. Raises ValueError for a sentence of
    which the tokenizer leaves nothing.
    """
    whole = Tokenizer.from_str(processor.tokenizer.to_str())
    whole.no_truncation()
    whole.no_padding()
    chunks = []
    for text, encoding in zip(texts, whole.encode_batch(list(texts), add_special_tokens=False), strict=True):
        if not encoding.ids:
            raise ValueError(f"the sentence {text!r} holds no word that the tokenizer knows how to read")
        parts = np.array_split(encoding.ids, -(-len(encoding.ids) // processor.words))
        rows = torch.zeros(len(parts), processor.words, dtype=torch.int64)
        for row, part in zip(rows, parts, strict=True):
            row[: len(part)] = torch.from_numpy(part)
        chunks.append(rows)
    return chunks


def _encode(model: VattModel, branch: str, items: Sequence[Tensor], batch: int) -> Encoded:
    """Means over the rows of each item, as unit vectors."""
    if model.training:
        raise ValueError("the encoder is in training mode: DropToken and batch statistics would change the features")

    def run(rows: Tensor) -> tuple[Tensor, Tensor]:
        z = {branch: model.vatt(**{branch: rows})[branch]}
        joint = model.vatt.head_stage.embed(z)[PAIR_OF[branch, "vt"]][branch]
        return model.vatt.head_stage.features(z)[branch], joint

    parts = [_run(run, rows.to(model.device)) for rows in torch.split(torch.cat(list(items)), batch)]
    counts = [len(item) for item in items]
    towers, joints = zip(*parts, strict=True)
    return Encoded(_means(torch.cat(towers), counts), _means(torch.cat(joints), counts))


def _run(run: Callable[[Tensor], tuple[Tensor, Tensor]], rows: Tensor) -> tuple[Tensor, Tensor]:
    if not torch.is_grad_enabled():
        return run(rows)
    kept: tuple[Tensor, Tensor] = checkpoint(run, rows, use_reentrant=False, preserve_rng_state=False)
    return kept


def _means(raw: Tensor, counts: Sequence[int]) -> Tensor:
    return F.normalize(torch.stack([rows.mean(dim=0) for rows in torch.split(raw, list(counts))]), dim=-1)


def _placed(rows: Tensor, places: Tensor, count: int) -> Tensor:
    """Rows `[n, D]` at their places in `[count, D]`, zeros elsewhere."""
    return rows.new_zeros(count, rows.shape[1]).index_copy(0, places, rows[: len(places)])
