"""Made features on generated annotations: learnt without noise, less with it, hardly from positions."""

from dataclasses import replace

import numpy as np
from support.learnable import learnable_films

from vatt_harmony.scale.bench.align_made import RECIPE, ceiling, made_features, reached

WORDS = np.array([f"word{number}" for number in range(60)])


def told(count, seed):
    """Films whose sentences say three words each."""
    rng = np.random.default_rng(seed)
    films = learnable_films(count, seed)
    texts = [tuple(" ".join(rng.choice(WORDS, 3, replace=False)) for _ in range(5)) for _ in films]
    return [
        replace(film, streams=(film.clips, replace(film.sentences, texts=said)))
        for film, said in zip(films, texts, strict=True)
    ]


SPLITS = {"train": told(40, 1), "val": told(8, 2), "test": told(10, 3)}
SMALL = replace(
    RECIPE,
    network=replace(RECIPE.network, width=16),
    optim=replace(RECIPE.optim, lr=10.0),
    train=replace(RECIPE.train, epochs=12, batch=8),
)


def test_without_noise_clips_are_images_of_their_sentences() -> None:
    for film in made_features(SPLITS, 0.0)["test"]:
        similarity = film.clips.joint @ film.sentences.joint.T
        own = film.labels >= 0
        assert (similarity[own].argmax(1) == film.labels[own]).mean() > 0.9


def test_noise_and_missing_content_cost_accuracy() -> None:
    clean, noisy = (reached(SPLITS, noise, recipe=SMALL) for noise in (0.0, 4.0))
    positions = reached(SPLITS, 0.0, content=False, recipe=SMALL)
    assert clean.test > max(noisy.test, positions.test) + 0.1
    assert clean.test <= ceiling(SPLITS["test"]) == 1
