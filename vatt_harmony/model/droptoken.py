"""DropToken: which tokens a sample keeps, as a pure function of its seed (the same on every device)."""

import torch
from torch import Tensor

# splitmix64 (Steele, Lea, Flood 2014); the constants as signed 64-bit integers.
_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
_FIRST = 0xBF58476D1CE4E5B9 - (1 << 64)
_SECOND = 0x94D049BB133111EB - (1 << 64)


def kept_tokens(seed: Tensor, tokens: int, keep: int, per_batch: bool = False) -> Tensor:
    """Token numbers kept by each sample: int64 seeds `[N]` -> int64 `[N, keep]`, distinct, in random order.

    `per_batch` uses the first sample's seed for all rows (official code). The hash maps the token numbers of one
    sample to distinct values, so that there are no ties and no device can choose otherwise.
    """
    if per_batch:
        seed = seed[:1].expand_as(seed)
    counter = torch.arange(1, tokens + 1, device=seed.device)
    hashed = _mix(_mix(seed)[:, None] + counter * _GOLDEN)
    return hashed.topk(keep, dim=1, largest=False, sorted=True).indices


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift(x, 30)) * _FIRST
    x = (x ^ _shift(x, 27)) * _SECOND
    return x ^ _shift(x, 31)


def _shift(x: Tensor, bits: int) -> Tensor:
    # Integer shifts keep the sign in torch; the mask makes them logical.
    return (x >> bits) & ((1 << (64 - bits)) - 1)
