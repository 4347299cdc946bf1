"""Zero-shot retrieval between video, sound and text: ranks, recalls, median rank; pure functions on embeddings."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vatt_harmony.model.pairs import PAIRS

DIRECTIONS: dict[str, tuple[str, int]] = {
    f"{branches[side]}_to_{branches[1 - side]}": (pair, side) for pair, branches in PAIRS.items() for side in (0, 1)
}
"""Direction -> (pair, which side of the pair asks)."""


@dataclass(frozen=True, kw_only=True)
class Embeddings:
    """Embeddings of N clips, in the same order in all fields.

    `pairs[pair]` holds both sides as unit vectors [N, D]; rows of a missing modality are zeros that `present`
    ("video", "audio", "text" -> bool [N]) excludes.
    """

    keys: tuple[str, ...]
    pairs: Mapping[str, tuple[Tensor, Tensor]]
    present: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """Rank of the true partner of every query of one direction; 1 is best."""

    direction: str
    keys: tuple[str, ...]
    ranks: Tensor
    """int64 [N]."""

    def hits(self, k: int) -> Tensor:
        """float64 [N]: 1 where the partner is among the first k."""
        return (self.ranks <= k).double()

    def recall(self, k: int) -> float:
        """R@k as a fraction (0.5 is what papers print as 50)."""
        return float(self.hits(k).mean())

    @property
    def median_rank(self) -> float:
        """Median of the ranks; half-integers occur for even N."""
        return float(self.ranks.double().quantile(0.5))

    def chance(self, k: int) -> float:
        """R@k of a random order."""
        return min(k, len(self.keys)) / len(self.keys)


def pessimistic_ranks(similarity: Tensor, first: int = 0) -> Tensor:
    """Ranks int64 [Q] of item `first + i` for query i in `similarity` [Q, N].

    1 + the number of OTHER items whose similarity is not below the own one: ties, and NaN, count against the
    model, so a collapsed or broken encoder ranks last instead of first.
    """
    rows = torch.arange(len(similarity), device=similarity.device)
    own = similarity[rows, rows + first].unsqueeze(1)
    ahead = ~(similarity < own)
    ahead[rows, rows + first] = False
    return 1 + ahead.sum(dim=1)


def retrieval_ranks(queries: Tensor, items: Tensor, chunk: int = 4096) -> Tensor:
    """Ranks int64 [N] of item i for query i, both [N, D], N > 0; `chunk` rows of the matrix exist at a time."""
    starts = range(0, len(queries), chunk)
    return torch.cat([pessimistic_ranks(queries[start : start + chunk] @ items.T, start) for start in starts])


def retrieve(embeddings: Embeddings, trained: Collection[str]) -> dict[str, Retrieval | None]:
    """Every direction of `DIRECTIONS`, over the clips that have both modalities.

    None, to be printed as n/a, where the pair is not in `trained` (no loss has aligned it, so a figure would be
    noise), where the model has no head for it, and where no clip has both modalities.
    """
    return {d: _direction(embeddings, d) if pair in trained else None for d, (pair, _) in DIRECTIONS.items()}


def _direction(embeddings: Embeddings, direction: str) -> Retrieval | None:
    pair, side = DIRECTIONS[direction]
    if pair not in embeddings.pairs:
        return None
    left, right = PAIRS[pair]
    both = embeddings.present[left] & embeddings.present[right]
    if not both.any():
        return None
    queries = embeddings.pairs[pair][side][both].double()
    items = embeddings.pairs[pair][1 - side][both].double()
    keys = tuple(key for key, here in zip(embeddings.keys, both.tolist(), strict=True) if here)
    return Retrieval(direction=direction, keys=keys, ranks=retrieval_ranks(queries, items))
