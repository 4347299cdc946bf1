"""Encode the rows of a batch that exist, and only those."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vatt_harmony.stream.batch import Batch

Encoder = Callable[..., Mapping[str, Tensor]]
"""`Vatt.forward`, or the engine around it."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Trunk outputs of one rank's batch. Rows are those that were encoded, in the batch's order."""

    z: dict[str, Tensor]
    """Branch -> representation with graph `[n, D]`."""
    act: dict[str, Tensor]
    """Branch -> input of the last FFN's output matrix at the pooled token, detached `[n, P]`."""
    rows: dict[str, Tensor]
    """Branch -> place of each row among the batch's B (text: B * K) rows, int64 `[n]`."""
    exists: dict[str, bool]
    """Branch -> whether its rows are real; False for the dummy row of a branch without any valid row."""
    valid: dict[str, Tensor]
    """Branch -> bool `[B]` (video, audio) or `[B, K]` (text)."""

    def spread(self, branch: str, values: Tensor) -> Tensor:
        """Put `values` `[n, D]` of the encoded rows at their places: `[B, D]` or `[B, K, D]`, zeros elsewhere."""
        mask = self.valid[branch]
        if len(values) == mask.numel() and self.exists[branch]:
            return values.view(*mask.shape, values.shape[-1])
        full = values.new_zeros(mask.numel(), values.shape[-1])
        if self.exists[branch]:
            full = full.index_copy(0, self.rows[branch], values)
        return full.view(*mask.shape, values.shape[-1])

    def collect(self, branch: str, values: Tensor) -> Tensor:
        """What `values` `[B, D]` or `[B, K, D]` hold for the encoded rows `[n, D]`; zeros for a dummy row."""
        flat = values.flatten(0, -2)
        if len(flat) == len(self.rows[branch]) and self.exists[branch]:
            return flat
        return flat[self.rows[branch]] * self.exists[branch]


def masks(batch: Batch) -> dict[str, Tensor]:
    """Branch -> which of its rows are valid, bool `[B]` (video, audio) or `[B, K]` (text)."""
    return {"video": batch.video_mask, "audio": batch.audio_mask, "text": batch.text_mask}


def valid_rows(batch: Batch) -> dict[str, Tensor]:
    """Branch -> places of its valid rows among the batch's B (text: B * K), int64 `[n]`, ascending."""
    return {branch: mask.flatten().nonzero().flatten() for branch, mask in masks(batch).items()}


def encode(encoder: Encoder, batch: Batch, device: torch.device, rows: Mapping[str, Tensor] | None = None) -> Encoded:
    """Run the trunk once over some rows of each modality: those of `rows`, or all valid ones.

    `batch` lies on the CPU, so rows that are not encoded are never copied to `device`. A branch whose `rows` are empty
    encodes one dummy row: every rank then touches every parameter, which ZeRO 1-3 need. A branch that is not in `rows`
    is left out. All ranks must call it together, with the same branches.
    """
    found = valid_rows(batch) if rows is None else rows
    exists = {branch: len(places) > 0 for branch, places in found.items()}
    places = {branch: r if exists[branch] else torch.zeros(1, dtype=torch.int64) for branch, r in found.items()}

    def taken(values: Tensor, branch: str) -> Tensor | None:
        if branch not in places:
            return None
        first, last = int(places[branch][0]), int(places[branch][-1])
        # Rows without a gap are a view: a pinned batch goes to the device without a copy on the host.
        dense = last - first + 1 == len(places[branch])
        return (values[first : last + 1] if dense else values[places[branch]]).to(device, non_blocking=True)

    # Before the encoder: a copy from the host waits for what the device has been given to do.
    on_device = {branch: r.to(device) for branch, r in places.items()}
    valid = {branch: mask.to(device) for branch, mask in masks(batch).items()}
    outputs = encoder(
        video=taken(batch.video, "video"),
        audio=taken(batch.audio, "audio"),
        text=taken(batch.text.flatten(0, 1), "text"),
        video_seed=taken(batch.seed, "video"),
        audio_seed=taken(batch.seed, "audio"),
    )
    return Encoded(
        z={branch: outputs[branch] for branch in places},
        act={branch: outputs[f"{branch}_act"] for branch in places},
        rows=on_device,
        exists=exists,
        valid=valid,
    )
