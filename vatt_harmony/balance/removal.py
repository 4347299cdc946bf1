"""What the fusion gets in place of a modality's feature: nothing, another sample's, or nothing for some samples."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from vatt_harmony.errors import UserError
from vatt_harmony.randomness import keyed_int

Removal = Literal["zero", "permute"]
"""How a modality is removed: its features set to zero, or exchanged between the samples of the batch."""
Change = Callable[[Tensor], Tensor]


def removal(mode: Removal, seed: int) -> Change:
    """The function that removes a modality from a tensor `[B, ...]`; raises UserError for an unknown mode.

    The permutation is a function of the seed and of B.
    """
    if mode == "zero":
        return torch.zeros_like
    if mode == "permute":
        return lambda value: value[_permutation(value.shape[0], seed).to(value.device)]
    raise UserError(
        f"There is no way {mode!r} to remove a modality", "Nothing would be removed", "Choose zero or permute"
    )


class Dropping:
    """Zeroes whole features of samples drawn at random; keeps in mind which it kept."""

    def __init__(self, chances: dict[str, float], widths: dict[str, int], seed: int) -> None:
        """`chances` of each modality; kept features grow by 1 / (1 - theta), theta their mean weighed by `widths`."""
        theta = sum(chances[name] * width for name, width in widths.items()) / sum(widths.values())
        self._chances, self._growth, self._seed = chances, 1 / max(1 - theta, 1e-6), seed
        self.kept: dict[str, Tensor] = {}
        """bool [B] of each modality that has passed."""

    def change(self, name: str) -> Change:
        """What the modality's tensors `[B, ...]` become."""

        def drop(value: Tensor) -> Tensor:
            if name not in self.kept:
                generator = torch.Generator().manual_seed(keyed_int(self._seed, "drop", name))
                drawn = torch.rand(value.shape[0], generator=generator)
                self.kept[name] = (drawn >= self._chances[name]).to(value.device)
            kept = self.kept[name].view(-1, *(1,) * (value.dim() - 1))
            return value * (kept.to(value.dtype) * self._growth)

        return drop


def _permutation(size: int, seed: int) -> Tensor:
    """One cycle through all samples in a random order: every one gets another's feature, in the smallest batch too."""
    generator = torch.Generator().manual_seed(keyed_int(seed, "permute", size))
    order = torch.randperm(size, generator=generator)
    return torch.empty_like(order).scatter_(0, order, order.roll(1))
