"""Which rows of the matrix of similarities a rank computes, and the sums over ranks that complete its results."""

from dataclasses import dataclass

import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """The ranks that compute one matrix together, all of which hold its factors; the default is a rank alone.

    A rank computes its own rows against all columns. Sums along a row are then complete, sums along a column are not:
    `add` completes them. Every rank has the results of all rows afterwards, bit for bit the same, since an all-reduce
    hands out copies of one sum. They differ from those of another number of ranks by rounding only.
    """

    rank: int = 0
    world_size: int = 1

    def own(self, count: int) -> range:
        """This rank's rows of `count`; ranks need not have equally many, nor any."""
        return range(count * self.rank // self.world_size, count * (self.rank + 1) // self.world_size)

    def add(self, *parts: Tensor) -> None:
        """Sum each part over the ranks, in place; all of them must call it with equal shapes."""
        if self.world_size > 1:
            for part in parts:
                dist.all_reduce(part)


ALONE = Ranks()
