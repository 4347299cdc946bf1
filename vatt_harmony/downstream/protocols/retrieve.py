"""Text-to-video retrieval by a published protocol: ranks of an annotation's sentences among its videos."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from vatt_harmony.downstream.protocols.annotations import Row
from vatt_harmony.downstream.protocols.videos import Frames, Shown
from vatt_harmony.downstream.retrieval import Retrieval, retrieval_ranks
from vatt_harmony.errors import UserError
from vatt_harmony.model.hf import VattModel
from vatt_harmony.model.processor import VattProcessor

NO_WORDS = "no word known"
PAIR = "video_text"


@dataclass(frozen=True, kw_only=True)
class ProtocolResult:
    """Ranks over the rows that could be measured, and the rows that could not."""

    retrievals: dict[str, Retrieval]
    """`text_to_video` and `video_to_text` by the cosine of averaged embeddings; the same with `_mean_similarity` by
    the mean of the windows' cosines."""
    missing: dict[str, list[Row]]
    """Reason -> rows without a video or without a word."""

    @property
    def measured(self) -> int:
        """Rows in the ranking (N)."""
        return len(self.retrievals["text_to_video"].keys)


@torch.no_grad()
def retrieve_rows(
    model: VattModel,
    processor: VattProcessor,
    shown: Iterable[Shown],
    progress: Callable[[int], None] = lambda done: None,
) -> ProtocolResult:
    """Rank every sentence's own video among the videos of all rows, and the other way round. One process.

    The raw embeddings of a row's windows are averaged, then normalised (VATT A.3.3); the released code's second
    measure averages the cosines of its windows instead. Ties count against the model.
    Raises UserError when the model has not aligned video and text, or no row can be measured.
    """
    _check(model)
    model.eval()
    missing: dict[str, list[Row]] = {}
    rows: list[Row] = []
    averaged: list[Tensor] = []
    directions: list[Tensor] = []
    texts: list[Tensor] = []
    for done, item in enumerate(shown, start=1):
        ids = processor.encode([item.row.text])
        reason = item.reason or ("" if ids.any() else NO_WORDS)
        if reason:
            missing.setdefault(reason, []).append(item.row)
        else:
            raw = _embedded(model, item.windows)
            rows.append(item.row)
            averaged.append(F.normalize(raw.mean(dim=0), dim=-1))
            directions.append(F.normalize(raw, dim=-1).mean(dim=0))
            texts.append(F.normalize(_text(model, ids), dim=-1))
        progress(done)
    if not rows:
        raise UserError(
            f"None of {sum(map(len, missing.values()))} rows could be measured: {reasons(missing)}",
            "There is no figure",
            "Give the folder that holds the annotation's videos, named as its column video_id says",
        )
    sides = {"": torch.stack(averaged), "_mean_similarity": torch.stack(directions)}
    return ProtocolResult(retrievals=_ranked(rows, torch.cat(texts), sides), missing=missing)


def reasons(missing: dict[str, list[Row]]) -> str:
    """How many rows each reason has cost."""
    return ", ".join(f"{len(rows)} {reason}" for reason, rows in sorted(missing.items()))


def _check(model: VattModel) -> None:
    if PAIR not in model.config.trained_pairs:
        raise UserError(
            "This model was never trained to bring video and text together",
            "Its ranks would be noise",
            "Give a model whose pretraining had a weight for video_text",
        )


def _embedded(model: VattModel, windows: Sequence[Frames]) -> Tensor:
    """Raw embeddings float64 [W, D] of a row's windows."""
    clips = torch.stack([torch.from_numpy(window) for window in windows]).to(model.device)
    return model.embed_raw("video", clips)[PAIR]["video"].double().cpu()


def _text(model: VattModel, ids: Tensor) -> Tensor:
    return model.embed_raw("text", ids.to(model.device))[PAIR]["text"].double().cpu()


def _ranked(rows: Sequence[Row], text: Tensor, sides: dict[str, Tensor]) -> dict[str, Retrieval]:
    keys = tuple(row.key for row in rows)
    found = {}
    for suffix, video in sides.items():
        for direction, ranks in (
            ("text_to_video", retrieval_ranks(text, video)),
            ("video_to_text", retrieval_ranks(video, text)),
        ):
            found[direction + suffix] = Retrieval(direction=direction, keys=keys, ranks=ranks)
    return found
