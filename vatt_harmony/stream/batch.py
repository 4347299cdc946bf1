"""One batch of video-audio-text triplets, as the stream hands it to a step."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

TENSORS = ("video", "audio", "text", "video_mask", "audio_mask", "text_mask", "seed", "position")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B samples of one rank. A missing modality is a mask; its rows are zeros that nothing reads.

    `seed` is a function of (run seed, global position): every draw a model makes for a sample comes from it.
    """

    video: Tensor
    """uint8 [B, T, H, W, 3]."""
    audio: Tensor
    """float32 [B, S], in [-1, 1]."""
    text: Tensor
    """int64 token ids [B, K, L]; 0 is padding."""
    video_mask: Tensor
    """bool [B]: the sample has a picture."""
    audio_mask: Tensor
    """bool [B]: the sample has sound that is not silent."""
    text_mask: Tensor
    """bool [B, K]: the candidate sentence exists."""
    seed: Tensor
    """int64 [B]."""
    position: Tensor
    """int64 [B]: place in the global sequence of the run."""
    keys: list[str]
    """Sample keys `source/KEY`."""
    sources: list[str]
    numbers: list[int] = field(default_factory=list)
    """Number of each sample in its source; of training batches."""
    drops: dict[str, int] = field(default_factory=dict)
    """`source/reason` -> samples replaced (or modalities masked) while this batch was made."""

    def __len__(self) -> int:
        return len(self.keys)

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch with its tensors on `device` (copies do not block the host)."""
        return replace(self, **{name: getattr(self, name).to(device, non_blocking=True) for name in TENSORS})


def join(parts: Iterable[Batch], rows: int, pin: bool = False) -> Batch:
    """The batch of `rows` rows whose parts come in order; each is copied when it comes and not held any longer.

    `pin`: into page-locked memory, from which copies to a CUDA device run beside its work.
    """
    tensors: dict[str, Tensor] = {}
    keys: list[str] = []
    sources: list[str] = []
    numbers: list[int] = []
    drops = Counter[str]()
    for part in parts:
        place = slice(len(keys), len(keys) + len(part))
        for name in TENSORS:
            piece = getattr(part, name)
            if name not in tensors:
                tensors[name] = torch.empty((rows, *piece.shape[1:]), dtype=piece.dtype, pin_memory=pin)
            tensors[name][place] = piece
        keys += part.keys
        sources += part.sources
        numbers += part.numbers
        drops.update(part.drops)
    assert len(keys) == rows, (len(keys), rows)
    return Batch(**tensors, keys=keys, sources=sources, numbers=numbers, drops=dict(drops))
