"""Embeds every clip of an evaluation stream, alone or spread over ranks, and averages the windows of each clip."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F

from vatt_harmony.downstream.retrieval import Embeddings
from vatt_harmony.model.pairs import PAIRS
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.stream.batch import Batch

Rows = dict[str, Any]
"""One rank's rows: "keys" [n], "position" [n], "<pair>/<side>" sums [n, D], "<branch>" counts [n]."""


def embed_source(
    vatt: Vatt,
    batches: Iterable[Batch],
    device: torch.device | str = "cpu",
    shuffle_frames: int | None = None,
    windows: int = 1,
) -> Embeddings:
    """Embeddings of all clips of `batches`; with a process group each rank brings its own slice.

    The row at position p is window p % `windows` of clip p // `windows`, as `evaluation_batches` makes them; clips
    that share a key stay apart. Raw embeddings of windows and of candidate sentences are averaged, then normalised
    (VATT, released evaluation code). `shuffle_frames`: a seed that puts the frames of
    every clip in random order, the control that shows whether a model sees motion. Every rank must call it and gets
    the same result, which does not depend on the number of ranks; all ranks with equally many batches of equal size.
    """
    with _evaluation_mode(vatt), torch.no_grad():
        local = [_embed_batch(vatt, batch, device, shuffle_frames) for batch in batches]
    if not local:
        return Embeddings(keys=(), pairs={}, present={})
    return _average_windows(_gather(_joined(local), device), windows)


def shuffled_frames(batch: Batch, seed: int) -> Tensor:
    """The clips of `batch`, uint8 [B, T, H, W, 3], each with its frames in an order keyed by (seed, sample key)."""
    count = batch.video.shape[1]
    orders = [keyed_generator(seed, "shuffle frames", key).permutation(count) for key in batch.keys]
    return torch.stack([clip[torch.from_numpy(order)] for clip, order in zip(batch.video, orders, strict=True)])


@contextmanager
def _evaluation_mode(module: nn.Module) -> Iterator[None]:
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)


def _embed_batch(vatt: Vatt, batch: Batch, device: torch.device | str, shuffle_frames: int | None) -> Rows:
    video = batch.video if shuffle_frames is None else shuffled_frames(batch, shuffle_frames)
    rows, candidates, words = batch.text.shape
    z = vatt(video.to(device), batch.audio.to(device), batch.text.reshape(-1, words).to(device), *_seeds(batch, device))
    z = {branch: z[branch] for branch in ("video", "audio", "text")}
    z["text"] = z["text"].unflatten(0, (rows, candidates))
    masks = {"video": batch.video_mask, "audio": batch.audio_mask, "text": batch.text_mask}
    valid = {branch: mask.to(device) for branch, mask in masks.items()}
    pairs = vatt.head_stage(z, valid, update_statistics=False)
    result: Rows = {"keys": list(batch.keys), "position": batch.position}
    for branch, mask in masks.items():
        result[branch] = mask.reshape(rows, -1).sum(dim=1)
    for pair, sides in pairs.items():
        for branch, side in zip(PAIRS[pair], sides, strict=True):
            result[f"{pair}/{branch}"] = _masked_sum(side, valid[branch]).float().cpu()
    return result


def _seeds(batch: Batch, device: torch.device | str) -> tuple[Tensor, Tensor]:
    seed = batch.seed.to(device)
    return seed, seed


def _masked_sum(side: Tensor, valid: Tensor) -> Tensor:
    """Sum of the valid rows of [B, D] or [B, K, D] over K, in float64: [B, D]."""
    masked = torch.where(valid.unsqueeze(-1), side.double(), 0.0)
    return masked.flatten(1, -2).sum(dim=1) if masked.ndim == 3 else masked


def _joined(parts: list[Rows]) -> Rows:
    """The rows of all parts, in order."""
    names = [name for name in parts[0] if name != "keys"]
    columns: Rows = {name: torch.cat([part[name] for part in parts]) for name in names}
    return {"keys": [key for part in parts for key in part["keys"]], **columns}


def _gather(local: Rows, device: torch.device | str) -> Rows:
    """The rows of all ranks, equally many each. Tensors travel as they are; only the keys are pickled."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return local
    where = device if distributed.get_backend() == "nccl" else "cpu"
    keys: list[list[str]] = [[] for _ in range(distributed.get_world_size())]
    distributed.all_gather_object(keys, local["keys"])
    columns: Rows = {}
    for name in [name for name in local if name != "keys"]:
        column = local[name].to(where)
        parts = [torch.empty_like(column) for _ in keys]
        distributed.all_gather(parts, column)
        columns[name] = torch.cat(parts).cpu()
    return {"keys": [key for part in keys for key in part], **columns}


def _average_windows(rows: Rows, windows: int) -> Embeddings:
    """One row a clip, in the order of the clips: sums over its windows become unit vectors."""
    # Rows without a key are padding, or samples that could not be read.
    read = [row for row in rows["position"].argsort(stable=True).tolist() if rows["keys"][row]]
    order = torch.tensor(read, dtype=torch.int64)
    clips, index = torch.unique(rows["position"][order] // windows, return_inverse=True)
    keys = dict(zip(index.tolist(), (rows["keys"][row] for row in read), strict=True))

    def summed(name: str) -> Tensor:
        column: Tensor = rows[name][order].double()
        return column.new_zeros(len(clips), *column.shape[1:]).index_add_(0, index, column)

    names = [name for name in rows if "/" in name]
    sides = {name: F.normalize(summed(name), dim=-1).float() for name in names}
    pairs = {}
    for pair in dict.fromkeys(name.partition("/")[0] for name in names):
        left, right = PAIRS[pair]
        pairs[pair] = (sides[f"{pair}/{left}"], sides[f"{pair}/{right}"])
    present = {branch: summed(branch) > 0 for branch in ("video", "audio", "text")}
    return Embeddings(keys=tuple(keys.values()), pairs=pairs, present=present)
