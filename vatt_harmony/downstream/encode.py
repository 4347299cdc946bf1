"""From decoded clips to one embedding for each clip, modality and space."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vatt_harmony.downstream.items import Clip
from vatt_harmony.model.hf import PAIR_OF, VattModel
from vatt_harmony.model.processor import VattProcessor

Columns = dict[str, NDArray[Any]]


@torch.no_grad()
def embed_clips(model: VattModel, processor: VattProcessor, clips: Iterable[Clip], batch: int = 8) -> Columns:
    """`key` and one column [N, D] for each (branch, space) of the model; `batch` clips are decoded at a time."""
    model.eval()
    keys: list[str] = []
    rows: dict[str, list[NDArray[np.float32]]] = {}
    waiting = iter(clips)
    while group := list(islice(waiting, batch)):
        keys += [clip.key for clip in group]
        for name, column in _embed_group(model, processor, group):
            rows.setdefault(name, []).append(column)
    columns: Columns = {name: np.concatenate(parts) for name, parts in rows.items()}
    return {"key": np.array(keys, dtype=np.str_)} | columns


def _embed_group(
    model: VattModel, processor: VattProcessor, group: Sequence[Clip]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    windows = {
        "video": [[torch.from_numpy(frames) for frames in clip.video] for clip in group],
        "audio": [[torch.from_numpy(sound) for sound in clip.audio] for clip in group],
        # A sentence of which the tokenizer leaves nothing is no sentence, as in training.
        "text": [[ids for ids in processor.encode(clip.sentences) if ids.any()] for clip in group],
    }
    for branch, lists in windows.items():
        counts = [len(items) for items in lists]
        stacked = [item for items in lists for item in items]
        shown = torch.stack(stacked).to(model.device) if stacked else _blank(branch, processor, model)
        pairs = model.embed_raw(branch, shown)
        for (owner, space), pair in PAIR_OF.items():
            if owner == branch and branch in pairs.get(pair, {}):
                yield f"{branch}_{space}", _averaged(pairs[pair][branch].float().cpu(), counts)


def _blank(branch: str, processor: VattProcessor, model: VattModel) -> Tensor:
    """One row that only tells how wide the embeddings are."""
    size = processor.size
    shapes = {"video": (processor.frames, size, size, 3), "audio": (processor.samples,), "text": (processor.words,)}
    dtypes = {"video": torch.uint8, "audio": torch.float32, "text": torch.int64}
    return torch.zeros(1, *shapes[branch], dtype=dtypes[branch], device=model.device)


def _averaged(raw: Tensor, counts: Sequence[int]) -> NDArray[np.float32]:
    """Unit vectors [len(counts), D] of the means over consecutive rows; NaN where a count is 0."""
    means, start = [], 0
    for count in counts:
        mean = raw[start : start + count].double().mean(dim=0) if count else raw.new_full(raw.shape[1:], torch.nan)
        means.append(F.normalize(mean.double(), dim=-1))
        start += count
    return np.asarray(torch.stack(means).float().numpy())
