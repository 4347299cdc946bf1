"""Kernel ridge regression from sound to sentence: what a few hundred clips allow without a deep model."""

import numpy as np
import numpy.typing as npt
import torch

from vatt_harmony.downstream.retrieval import retrieval_ranks
from vatt_harmony.model.spectrogram import log_mel

Array = npt.NDArray[np.float64]

TIMES, BANDS = 30, 20
PENALTY = 0.01


def ridge_ranks(
    audio: torch.Tensor, text: torch.Tensor, held_audio: torch.Tensor, held_text: torch.Tensor, sample_rate: int
) -> torch.Tensor:
    """Text-to-sound ranks int64 [N] of the held-out clips, by cosine; fitted on the others.

    Sounds `[N, S]` in Hz `sample_rate`, sentences as token ids `[N, L]`, 0 = padding. All constants (features'
    mean and scale, kernel width, the mean sentence) come from the clips it is fitted on.
    """
    features, held = log_mel_features(audio, sample_rate), log_mel_features(held_audio, sample_rate)
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-3
    entries = int(max(text.max(), held_text.max())) + 1
    words, held_words = slot_words(text, entries), slot_words(held_text, entries)
    usual = words.mean(axis=0)
    predicted = kernel_ridge((features - mean) / scale, words - usual, (held - mean) / scale, PENALTY)
    queries, items = torch.from_numpy(_unit(held_words - usual)), torch.from_numpy(_unit(predicted))
    return retrieval_ranks(queries, items)


def kernel_ridge(x: Array, y: Array, asked: Array, penalty: float) -> Array:
    """Prediction [M, K] at `asked` [M, D] from x [N, D], y [N, K]; the Gaussian's width is the median distance in x."""
    distances = _squared_distances(x, x)
    width = 2 * float(np.median(distances))
    weights = np.linalg.solve(np.exp(-distances / width) + penalty * np.eye(len(x)), y)
    prediction: Array = np.exp(-_squared_distances(asked, x) / width) @ weights
    return prediction


def log_mel_features(audio: torch.Tensor, sample_rate: int) -> Array:
    """Sound `[N, S]` -> its log-mel spectrogram averaged over 30 equal times and 20 groups of bands, `[N, 600]`."""
    mel = log_mel(audio, sample_rate, mels=80, mel_range=(80.0, sample_rate / 2), window=0.025, hop=0.01)
    pooled = torch.nn.functional.adaptive_avg_pool2d(mel.double(), (TIMES, BANDS))
    return np.asarray(pooled.flatten(1).numpy())


def slot_words(text: torch.Tensor, entries: int) -> Array:
    """Token ids `[N, L]` -> one for each (place, token) of the sentence, `[N, L * entries]`; padding counts nothing."""
    one_hot = torch.nn.functional.one_hot(text, entries).double() * (text != 0).unsqueeze(-1)
    return np.asarray(one_hot.flatten(1).numpy())


def _squared_distances(a: Array, b: Array) -> Array:
    distances: Array = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T
    return distances.clip(min=0.0)


def _unit(rows: Array) -> Array:
    unit: Array = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit
