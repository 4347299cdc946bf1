"""The two-pass step (gradient cache): a batch larger than memory, with the gradient of the whole batch.

The first pass encodes chunks of a rank's batch without graph and keeps z. Losses, heads and harmonizer see the whole
global batch, as in one pass. The second pass encodes again, with graph, only rows that send a gradient into the trunk:
not those of dropped samples, and of a branch only those that a loss reaches. No layer of the trunk couples samples and
DropToken follows each sample's seed, so neither the chunks nor what shares one changes anything but rounding
(Gao et al., arXiv 2101.06983, cache gradients in the same place).

Dropout is drawn for a whole chunk. With it the second pass repeats the chunks of the first, dropped samples included.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from vatt_harmony.engine.agreement import maximum_over_ranks
from vatt_harmony.engine.encode import Encoded, Encoder, encode, masks
from vatt_harmony.engine.surrogate import Gathered, Judged
from vatt_harmony.randomness import keyed_int
from vatt_harmony.stream.batch import Batch

Rows = Mapping[str, Tensor]
"""Branch -> places among the batch's B (text: B * K) rows, int64 `[n]`, ascending, on the CPU."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """What one forward encodes."""

    rows: dict[str, Tensor]
    """As `Rows`; an empty branch stands for one dummy row, a missing one is not encoded on any rank."""
    seed: int
    """Of the dropout; a function of torch's seed and the chunk's number."""


def plan(rows: Rows, sizes: Mapping[str, int], device: torch.device) -> list[Chunk]:
    """Spread rows evenly over as few chunks as hold at most `sizes[branch]` rows. All ranks must call it together.

    All ranks make the same number of chunks of the same branches, as the collectives of ZeRO 2 and 3 need. The first
    and the last chunk hold every branch: ZeRO 3 begins the sum of a parameter's gradients in the first backward alone;
    offloading, and stage 1 with `overlap_comm`, end it in the last.
    """
    own = [max(1, -(-len(places) // sizes[branch])) for branch, places in rows.items()]
    counts = [int(count) for count in maximum_over_ranks(own, device)]
    chunks = max(counts)
    shares: list[dict[str, Tensor]] = [{} for _ in range(chunks)]
    for (branch, places), count in zip(rows.items(), counts, strict=True):
        count = max(count, min(2, chunks))
        for number, share in zip([*range(count - 1), chunks - 1], places.tensor_split(count), strict=True):
            shares[number][branch] = share
    seed = torch.initial_seed()
    return [Chunk(rows=share, seed=keyed_int(seed, number, "chunk")) for number, share in enumerate(shares)]


def encode_chunk(encoder: Encoder, batch: Batch, device: torch.device, chunk: Chunk) -> Encoded:
    """`encode` of the chunk's rows, with its own dropout: the same each time."""
    with _drawing(chunk.seed, device):
        return encode(encoder, batch, device, chunk.rows)


def encode_cached(encoder: Encoder, batch: Batch, device: torch.device, chunks: Sequence[Chunk]) -> Encoded:
    """The first pass: what `encode` gives for the whole batch, without graph. All ranks must call it together."""
    with torch.no_grad():
        parts = [encode_chunk(encoder, batch, device, chunk) for chunk in chunks]

    def joined(branch: str) -> list[Encoded]:
        return [part for part in parts if part.exists.get(branch)] or parts[:1]

    return Encoded(
        z={branch: torch.cat([part.z[branch] for part in joined(branch)]) for branch in masks(batch)},
        act={branch: torch.cat([part.act[branch] for part in joined(branch)]) for branch in masks(batch)},
        rows={branch: torch.cat([part.rows[branch] for part in joined(branch)]) for branch in masks(batch)},
        exists={branch: joined(branch)[0].exists[branch] for branch in masks(batch)},
        valid=parts[0].valid,
    )


def rows_with_gradient(gathered: Gathered, judged: Judged) -> dict[str, Tensor]:
    """This rank's valid rows whose cotangent is not zero, as `Rows`: the others' encoding would add nothing."""
    moving = {}
    for branch, mask in gathered.valid.items():
        own = gathered.own(mask).flatten()
        if branch in judged.cotangents:
            moving[branch] = own & gathered.own(judged.cotangents[branch]).flatten(0, -2).ne(0).any(dim=1)
        else:
            moving[branch] = torch.zeros_like(own)
    flags = torch.cat(list(moving.values())).cpu()  # one transfer for all branches
    split = torch.split(flags, [len(values) for values in moving.values()])
    return {branch: values.nonzero().flatten() for branch, values in zip(moving, split, strict=True)}


@contextmanager
def _drawing(seed: int, device: torch.device) -> Iterator[None]:
    """Torch's generators stand at `seed` inside, and outside where they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
