"""Text features without downloaded weights: hashed TF-IDF of words and pairs of words, randomly projected."""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import normalize
from sklearn.random_projection import SparseRandomProjection

from vatt_harmony.align.sequence import Features

BUCKETS = 2**14
"""Of the hash; TACoS has about 1,800 words and 20,000 pairs of words."""


class HashedTfidf:
    """Sentences as unit vectors; only the weights of the words are fitted, on the training texts."""

    def __init__(self, train: Sequence[str], width: int = 300, seed: int = 0, longest: int = 1) -> None:
        """Fit on the texts `train`; `width` is that of the features, `longest` the words of an n-gram."""
        hashing = HashingVectorizer(n_features=BUCKETS, ngram_range=(1, longest), alternate_sign=False, norm=None)
        # A sentence has few words: a sparser projection would lose some of them.
        projection = SparseRandomProjection(width, density=1 / 3, random_state=seed, dense_output=True)
        self._pipeline = make_pipeline(hashing, TfidfTransformer(sublinear_tf=True), projection)
        self._pipeline.fit(list(train))

    def __call__(self, texts: Sequence[str]) -> Features:
        """Features `[N, width]` of length 1; a text without words is the zero vector."""
        if not texts:
            return np.zeros((0, self._pipeline[-1].n_components_), np.float32)
        return np.asarray(normalize(self._pipeline.transform(list(texts))), np.float32)
