"""Films whose alignment can be learnt: what a clip shows is a fixed image of what its sentence says."""

from dataclasses import replace

import numpy as np

from support.alignment import film, seconds
from vatt_harmony.align.sequence import AlignmentSequence, pairs_of

TOPICS, WIDTH = 5, 6


def learnable_films(count: int, seed: int, sentences: int = TOPICS) -> list[AlignmentSequence]:
    """Each sentence speaks of a topic of its own; it has none to three clips, then perhaps one of no sentence."""
    rng, world = np.random.default_rng(seed), np.random.default_rng(0)
    topics, image = world.normal(size=(TOPICS + 1, WIDTH)), world.normal(size=(WIDTH, WIDTH))
    return [_film(f"film {seed}-{place}", rng, topics, topics @ image, sentences) for place in range(count)]


def _film(
    name: str, rng: np.random.Generator, topics: np.ndarray, images: np.ndarray, sentences: int
) -> AlignmentSequence:
    said = rng.permutation(TOPICS)[:sentences]
    runs = [[place] * rng.integers(0, 4) + [-1] * int(rng.random() < 0.3) for place in range(sentences)]
    owners = np.concatenate([*runs, [-1]]).astype(np.int64)
    spans = [_span(np.flatnonzero(owners == place)) for place in range(sentences)]
    made = film(seconds(len(owners)), spans, pairs=pairs_of(owners), name=name)
    shown = np.where(owners < 0, TOPICS, said[owners])
    clips, texts = (
        replace(stream, features=np.float32(features), joint=np.float32(topics[own]))
        for stream, features, own in zip(made.streams, (images[shown], topics[said]), (shown, said), strict=True)
    )
    return replace(made, streams=(clips, texts))


def _span(clips: np.ndarray) -> tuple[float, float]:
    return (clips[0], clips[-1] + 1) if len(clips) else (np.nan, np.nan)
