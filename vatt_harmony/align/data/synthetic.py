"""Made features for a real structure: what a clip shows is a noisy image of what its sentence says.

Text feature e(sentence); clip feature A e(sentence) + noise with one fixed random map A; a clip without a sentence
shows a sentence of another film. The noise is the difficulty: 0 can be solved exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.data.attach import with_features
from vatt_harmony.align.sequence import NULL, AlignmentSequence, Features
from vatt_harmony.randomness import keyed_generator


@dataclass(frozen=True, kw_only=True)
class Images:
    """How clips are made from sentences."""

    width: int = 300
    """Of the clip features."""
    noise: float = 1.0
    """Length of the noise relative to that of the image."""
    seed: int = 0

    def of(self, texts: Features, *keys: int | str) -> Features:
        """Clip features `[N, width]` of the text features `[N, D]`; the noise depends on the seed and `keys`."""
        image: NDArray[np.float64] = texts @ self._map(texts.shape[1])
        noise = keyed_generator(self.seed, "noise", *keys).standard_normal(image.shape) / np.sqrt(self.width)
        return np.asarray(image + self.noise * noise, np.float32)

    def _map(self, inputs: int) -> NDArray[np.float64]:
        """A random map `[D, width]` that keeps lengths on average."""
        generator = keyed_generator(self.seed, "map")
        return generator.normal(scale=self.width**-0.5, size=(inputs, self.width))


def with_images(film: AlignmentSequence, images: Images, others: Sequence[AlignmentSequence]) -> AlignmentSequence:
    """The film, whose sentences have unit features, with made clip features.

    A clip without a sentence shows one of the films `others` (`film` itself, if among them, is passed over).
    """
    labels = film.labels
    assert labels is not None, "made from films whose truth is known"
    strangers = [other.sentences.features for other in others if other.group != film.group]
    generator = keyed_generator(images.seed, "null clips", film.name)
    shown = [
        _any_row(strangers[generator.integers(len(strangers))], generator)
        if label == NULL
        else film.sentences.features[label]
        for label in labels
    ]
    texts = np.array(shown, np.float32).reshape(len(labels), film.sentences.features.shape[1])
    return with_features(film, (images.of(texts, film.name), film.sentences.features))


def _any_row(features: Features, generator: np.random.Generator) -> Features:
    row: Features = features[generator.integers(len(features))]
    return row
