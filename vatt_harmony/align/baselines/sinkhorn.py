"""Sinkhorn with a bucket: optimal transport between clips and sentences, where a bucket takes what fits nothing."""

import numpy as np

from vatt_harmony.align.sequence import NULL, Floats, Owners

TEMPERATURE = 0.1
ITERATIONS = 50


def align(distance: Floats, price: float, capacity: float) -> Owners:
    """Owners `[N]` by `distance` `[N, M]`: the sentence that gets most of a clip, null where the bucket gets as much.

    `price` is the bucket's similarity, where the table's lowest is 0 and its highest 1. Order plays no part.
    """
    similarity = 1 - distance
    spread = np.ptp(similarity)
    plan = transport((similarity - similarity.min()) / (spread if spread > 0 else 1), price, capacity)
    best = plan[:-1, :-1].argmax(axis=1)
    more = plan[np.arange(len(best)), best] > plan[:-1, -1]
    return np.where(more, best, NULL).astype(np.int64)


def transport(similarity: Floats, price: float, capacity: float = 1.0, iterations: int = ITERATIONS) -> Floats:
    """Plan `[N + 1, M + 1]`, the bucket last, of similarities `[N, M]` from 0 to 1 (Lin et al., ICLR 2024).

    Each clip sends 1 and each sentence takes `capacity`, in the paper 1: then a sentence of three clips gets no more
    than a third of each. The bucket can send and take everything.
    """
    clips, sentences = similarity.shape
    # Exponents lie between 0 and 10: no logarithms are needed.
    kernel = np.exp(np.pad(similarity, ((0, 1), (0, 1)), constant_values=price) / TEMPERATURE)
    sent = np.append(np.ones(clips), sentences * capacity)
    taken = np.append(np.full(sentences, capacity), clips)
    column = np.ones(sentences + 1)
    for _ in range(iterations):
        row = sent / (kernel @ column)
        column = taken / (row @ kernel)
    plan: Floats = row[:, None] * kernel * column
    return plan
