"""Shapley values over subsets of modalities, exact."""

from collections.abc import Callable, Sequence
from itertools import combinations
from math import comb

Coalition = frozenset[str]


def subsets(modalities: Sequence[str]) -> list[Coalition]:
    """All 2^M subsets, small ones first."""
    return [frozenset(chosen) for size in range(len(modalities) + 1) for chosen in combinations(modalities, size)]


def shapley_values(value: Callable[[Coalition], float], modalities: Sequence[str]) -> dict[str, float]:
    """What each of M modalities adds to `value` of the subset that is present, averaged over all orders of arrival.

    The values add up to value(all) - value(none). Source: Shapley 1953; of the accuracy, as in the reports on balance.
    """
    known = {subset: value(subset) for subset in subsets(modalities)}

    def gain(modality: str) -> float:
        total = 0.0
        for subset, worth in known.items():
            if modality not in subset:
                # 1 / M over the size at which it arrives, and as much to every subset of that size.
                orders = len(modalities) * comb(len(modalities) - 1, len(subset))
                total += (known[subset | {modality}] - worth) / orders
        return total

    return {modality: gain(modality) for modality in modalities}
