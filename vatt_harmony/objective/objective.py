"""The losses of all pairs of modalities on the gathered, global batch."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import nan

import torch
from torch import Tensor

from vatt_harmony.errors import UserError
from vatt_harmony.model.pairs import PAIRS
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.objective.contrastive import Contrast, Retrieval, contrast, similarities
from vatt_harmony.objective.sharded import ALONE, Ranks
from vatt_harmony.objective.tiled import tiled_contrast


@dataclass(frozen=True, kw_only=True)
class PairLosses:
    """Losses of one global batch; the keys are the pairs whose weight is above 0."""

    terms: dict[str, Tensor]
    """Scalars with graph; their sum is the total loss. Weights and the global valid counts are already in them."""
    per_sample: dict[str, Tensor]
    """Unweighted loss of each anchor `[B]`, detached; NaN where the pair is not valid."""
    valid: dict[str, Tensor]
    """Samples that have both modalities, bool `[B]`."""
    retrieval: dict[str, Retrieval]
    """How the pair's embeddings find each other in the batch."""

    def times(self, factors: Mapping[str, Tensor]) -> "PairLosses":
        """The losses with the terms of some pairs multiplied; what is logged stays."""
        return replace(
            self, terms={pair: t * factors[pair] if pair in factors else t for pair, t in self.terms.items()}
        )

    def detach(self) -> "PairLosses":
        """The same values without their graph."""
        return replace(self, terms={pair: term.detach() for pair, term in self.terms.items()})

    @property
    def total(self) -> Tensor:
        """The training loss, scalar with graph."""
        return torch.stack(list(self.terms.values())).sum()

    @property
    def means(self) -> dict[str, Tensor]:
        """Unweighted mean loss over each pair's valid samples, for the log; 0 if there is none."""
        return {pair: losses.nanmean().nan_to_num(nan=0.0) for pair, losses in self.per_sample.items()}

    @property
    def recall(self) -> dict[str, Tensor]:
        """Recall@1 from anchors to partners inside the batch, scalar, for the log; NaN if no sample is valid."""
        return {pair: found.recall_at_1(self.valid[pair]) for pair, found in self.retrieval.items()}

    @property
    def masses(self) -> dict[str, Tensor]:
        """Mean share of the positives in row and column over each pair's valid samples, `[2]`; 0 if there is none.

        1 is perfect retrieval in that direction; similarities that are all equal give 1 / how many are compared.
        """
        return {
            pair: found.masses().masked_fill(~self.valid[pair], 0.0).sum(dim=1) / self.valid[pair].sum().clamp(min=1)
            for pair, found in self.retrieval.items()
        }


def valid_pairs(valid: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Samples that have both modalities of a pair: branch masks (text `[B, K]`, else `[B]`) → pair → bool `[B]`."""
    present = {branch: mask if mask.dim() == 1 else mask.any(dim=1) for branch, mask in valid.items()}
    return {pair: present[anchor] & present[partner] for pair, (anchor, partner) in PAIRS.items()}


def pair_losses(
    embeddings: Mapping[str, tuple[Tensor, Tensor]],
    valid: Mapping[str, Tensor],
    config: ObjectiveConfig,
    only: Collection[str] | None = None,
    *,
    ranks: Ranks = ALONE,
) -> PairLosses:
    """Contrastive loss of every pair with weight above 0, on the global batch.

    embeddings: pair → (anchors `[B, D]`, partners `[B, D]` or `[B, K, D]`), not normalised; valid: branch → bool `[B]`
    (video, audio) and `[B, K]` (text, one a candidate). Every rank calls it with the same gathered rows. A pair without
    any valid sample has loss 0 and zero gradients. An anchor that is missing takes no part: neither as anchor nor as
    negative. `only` restricts the result to some pairs; their terms stay the same. ranks: those that
    divide the similarities of a large batch among them (`objective.shard_above`). Raises UserError if a pair has a
    weight but no embeddings. Source: VATT, arXiv 2104.11178, section 3.4.
    """
    weights = config.weights.active()
    scale = sum(weights.values()) if config.total == "mean" else 1.0
    pair_valid = valid_pairs(valid)
    terms, per_sample, retrieval = {}, {}, {}
    for pair, weight in weights.items():
        if only is not None and pair not in only:
            continue
        anchors, partners = _embeddings_of(pair, embeddings)
        anchor, partner = PAIRS[pair]
        both = pair_valid[pair]
        candidates = valid[partner] if partners.dim() == 3 else valid[partner][:, None]
        if not config.candidate_mask:
            candidates = candidates.any(dim=1, keepdim=True).expand_as(candidates)
        others = partners if partners.dim() == 3 else partners[:, None]
        negatives = valid[anchor] if config.invalid_anchors == "kept" else both
        found = _contrast(anchors, others, both, candidates, negatives, config, ranks)
        terms[pair] = found.total * (weight / scale) / both.sum().clamp(min=1)
        per_sample[pair] = found.losses.detach().masked_fill(~both, nan)
        retrieval[pair] = found.retrieval
    return PairLosses(
        terms=terms, per_sample=per_sample, valid={pair: pair_valid[pair] for pair in terms}, retrieval=retrieval
    )


def _contrast(
    anchors: Tensor,
    others: Tensor,
    valid: Tensor,
    candidates: Tensor,
    negatives: Tensor,
    config: ObjectiveConfig,
    ranks: Ranks,
) -> Contrast:
    """The whole matrix of similarities at once, or this rank's rows in tiles; the results are the same."""
    masks, count = (valid, candidates, negatives), len(anchors)
    dividing = ranks if count > config.shard_above else ALONE
    rows = config.rows_a_tile(count)
    if dividing.world_size == 1 and rows >= count:
        return contrast(similarities(anchors, others, config.temperature), *masks, config.mode)
    return tiled_contrast(anchors, others, *masks, config.mode, config.temperature, rows=rows, ranks=dividing)


def _embeddings_of(pair: str, embeddings: Mapping[str, tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    if pair not in embeddings:
        raise UserError(
            f"objective.weights.{pair} is above 0, but the model gives no embeddings for this pair.",
            "Its loss cannot be computed.",
            f"Set objective.weights.{pair} to 0, or give the model the head "
            "(model.audio_text_head true for audio_text).",
        )
    return embeddings[pair]
