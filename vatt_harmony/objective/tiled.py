"""The contrastive losses of a pair without the matrix of similarities: row tiles, exact, over one or several ranks.

With cosines, the largest possible similarity 1/temperature is known beforehand, so that exponentials relative to it
can be summed as they come: S below is S_ijk - 1/temperature. Every tile of rows is made twice. The first time gives

    row_i = sum over partners jk of exp S_ijk,   column_i = sum over negatives j, candidates k of exp S_jik,
    positive_i = sum over candidates k of exp S_iik,

from which follow the denominators (asymmetric: D_i = row_i + column_i) and the losses log(D_i / positive_i). The
second time gives the gradient of their sum, in `asymmetric` mode with valid m, negatives n and candidates p

    G_ijk = p_jk exp(S_ijk) (m_i / D_i + n_i m_j / D_j) - (i = j) p_ik m_i exp(S_iik) / positive_i,

and of it those of both towers. Nothing is larger than the embeddings but one tile and its weights. The gradient is
made in the forward: a rank then talks to others there only, in the order of the program. Differs from the published
log-denominator exchange in that a rank makes each tile for both directions at once, a third less work, and sums
the partners' gradients over ranks instead of gathering them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from vatt_harmony.errors import UserError
from vatt_harmony.objective.contrastive import Contrast, Retrieval, directions
from vatt_harmony.objective.precision import without_autocast
from vatt_harmony.objective.sharded import Ranks

# exp(-80) and its inverse are normal numbers in fp32, exp(-700) in fp64; 2 / temperature is the width of S.
_WIDTH = {torch.float32: 80.0, torch.float64: 700.0}


def tiled_contrast(
    anchors: Tensor,
    others: Tensor,
    valid: Tensor,
    candidates: Tensor,
    negatives: Tensor,
    mode: str,
    temperature: float,
    *,
    rows: int,
    ranks: Ranks,
) -> Contrast:
    """As `contrast(similarities(anchors, others, temperature), ...)`, `rows` rows of similarities at a time.

    Only `total` has a graph; it can be differentiated once, not twice. All `ranks` must call it with equal
    arguments, and get equal results. Raises UserError if the temperature is too low for fp64's range.
    """
    if 2 / temperature > _WIDTH[torch.float64]:
        raise UserError(
            f"objective.temperature is {temperature}, and the similarities are computed in tiles.",
            "Their exponentials would leave the range of float64.",
            "Set objective.temperature to 0.003 or more.",
        )
    problem = _Problem(valid, candidates, negatives, mode, temperature, rows, ranks)
    with without_autocast(anchors.device):
        total, losses, sums = _Tiled.apply(*directions(anchors, others), problem)  # type: ignore[no-untyped-call]
    positive, row, column, own, other = sums.unbind()
    retrieval = Retrieval(positive=positive, row=row, column=column, own=own, other=other)
    return Contrast(losses=losses, total=total, retrieval=retrieval)


@dataclass(frozen=True)
class _Problem:
    """Everything but the embeddings; names as in `tiled_contrast`."""

    valid: Tensor
    candidates: Tensor
    negatives: Tensor
    mode: str
    temperature: float
    rows: int
    ranks: Ranks


class _Tiled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, anchors: Tensor, others: Tensor, problem: _Problem) -> tuple[Tensor, ...]:
        fits = 2 / problem.temperature <= _WIDTH[anchors.dtype]
        tiles = _Tiles(anchors if fits else anchors.double(), others if fits else others.double(), problem)
        sums = tiles.sums()
        positive, row, column = sums[:3]
        one_sum = row + column - (positive * tiles.negatives if problem.mode == "paper" else 0.0)
        denominators = (row, column) if problem.mode == "symmetric" else (one_sum,)
        # Sums of rows that are not valid may be 0; ratios, not differences of logarithms, keep all digits.
        ratios = [(sum_ / positive).masked_fill(~problem.valid, 1.0) for sum_ in denominators]
        losses = torch.stack(ratios).log().sum(dim=0).to(anchors.dtype)
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(*(g.to(anchors.dtype) for g in tiles.gradients(positive, *denominators)))
        retrieval = (sums.log() + 1 / problem.temperature).to(anchors.dtype)
        ctx.mark_non_differentiable(losses, retrieval)
        return losses.sum(), losses, retrieval

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, at_total: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        at_anchors, at_others = ctx.saved_tensors
        return at_anchors * at_total, at_others * at_total, None


class _Tiles:
    """One rank's rows of the similarity matrix, made tile by tile as often as they are wanted."""

    def __init__(self, anchors: Tensor, others: Tensor, problem: _Problem) -> None:
        self.problem, self.shape = problem, others.shape
        self.anchors, self.others = anchors / problem.temperature, others.flatten(0, 1)
        self.partners = (problem.valid[:, None] & problem.candidates).to(anchors.dtype)
        self.negatives = problem.negatives.to(anchors.dtype)

    def sums(self) -> Tensor:
        """The exponentials of `Retrieval`'s positive, row, column, own and other: `[5, B]`."""
        count, candidates, _ = self.shape
        sums = self.anchors.new_zeros(5, count)
        positive, row, column, nearest, other = sums
        partners = self.partners.flatten()
        columns = torch.zeros_like(partners)
        for tile, exponentials in self._tiles():
            row[tile] = exponentials @ partners
            columns += self.negatives[tile] @ exponentials
            own = self._own(exponentials, tile) * self.partners[tile]
            positive[tile], nearest[tile] = own.sum(dim=1), own.amax(dim=1)
            self._own(exponentials, tile).zero_()
            other[tile] = exponentials.mul_(partners).amax(dim=1)
        column += (columns.view(count, candidates) * self.partners).sum(dim=1)
        self.problem.ranks.add(sums)
        return sums

    def gradients(self, positive: Tensor, *denominators: Tensor) -> tuple[Tensor, Tensor]:
        """Of the losses' sum, at anchors `[B, D]` and others `[B, K, D]`."""
        of_positive, of_row, of_column = (
            sum_.reciprocal().masked_fill(~self.problem.valid, 0.0)
            for sum_ in (positive, denominators[0], denominators[-1])
        )
        if self.problem.mode == "symmetric":
            of_positive = 2 * of_positive
        if self.problem.mode == "paper":  # the columns leave the own candidates out
            of_positive = of_positive + self.negatives * of_column
        partners, columns = self.partners.flatten(), (self.partners * of_column[:, None]).flatten()
        at_anchors, at_others = torch.zeros_like(self.anchors), torch.zeros_like(self.others)
        for tile, exponentials in self._tiles():
            own = self._own(exponentials, tile) * self.partners[tile] * of_positive[tile, None]
            # Zero weights are exact: a row that is not valid gets no gradient, not even a small one.
            weights = exponentials.mul_(torch.outer(of_row[tile], partners).addr_(self.negatives[tile], columns))
            self._own(weights, tile).sub_(own)
            at_anchors[tile] = (weights @ self.others).div_(self.problem.temperature)
            at_others.addmm_(weights.T, self.anchors[tile])
        self.problem.ranks.add(at_anchors, at_others)
        return at_anchors, at_others.view(self.shape)

    def _tiles(self) -> Iterator[tuple[slice, Tensor]]:
        """This rank's rows and their exp S_ijk, `[rows, B * K]`."""
        own = self.problem.ranks.own(self.shape[0])
        for start in range(own.start, own.stop, self.problem.rows):
            tile = slice(start, min(start + self.problem.rows, own.stop))
            yield tile, (self.anchors[tile] @ self.others.T).sub_(1 / self.problem.temperature).exp_()

    def _own(self, exponentials: Tensor, tile: slice) -> Tensor:
        """The view of each row's own candidates, `[rows, K]`."""
        blocks = exponentials.view(-1, *self.shape[:2])[:, tile]
        return blocks.diagonal(dim1=0, dim2=1).T
