"""Randomness as a pure function of keys: the same for any rank, any worker, at any time."""

import hashlib

import numpy as np


def keyed_int(seed: int, *keys: int | str) -> int:
    """Hash `seed` and `keys` to a non-negative 63-bit integer (BLAKE2b).

    Keys are separated and typed, so ("ab", "c") and ("a", "bc"), or 1 and "1", differ.
    """
    text = "\x1f".join([str(seed), *(f"{type(key).__name__}:{key}" for key in keys)])
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def keyed_generator(seed: int, *keys: int | str) -> np.random.Generator:
    """A counter-based generator (Philox) whose stream depends on `seed` and `keys` alone."""
    return np.random.Generator(np.random.Philox(key=keyed_int(seed, *keys)))
