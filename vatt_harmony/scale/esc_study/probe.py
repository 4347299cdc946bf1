"""Logistic probes: of an encoder's pooled features, and of log-mel statistics without any network."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from vatt_harmony.model.spectrogram import mel_matrix
from vatt_harmony.scale.esc_study.network import SoundClassifier
from vatt_harmony.scale.esc_study.pictures import RATE

Features = NDArray[np.float32]
WINDOW, HOP, BINS, MELS, FLOOR_DB = 640, 320, 1024, 64, -60.0


def probe(strength: float) -> Any:
    """A logistic regression with inverse regularisation `strength` on standardised features."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))


@torch.no_grad()
def encoded(model: SoundClassifier, sounds: Tensor) -> Features:
    """Pooled features `[N, D]` of spectrograms."""
    features: Features = torch.cat([model.eval().features(part) for part in torch.split(sounds, 128)]).numpy()
    return features


def log_mel_statistics(waves: Tensor) -> Features:
    """Mean, deviation and maximum of each mel bin's level in dB, and the deviation of its steps: `[N, 4 x 64]`."""
    to_mel = mel_matrix(BINS // 2 + 1, RATE, MELS, (20.0, RATE / 2)).float()
    rows = []
    for wave in waves:
        spectrum = torch.fft.rfft(wave.unfold(0, WINDOW, HOP) * torch.hann_window(WINDOW), n=BINS).abs()
        level = (10 * torch.log10((spectrum**2 @ to_mel).clamp_min(1e-10))).clamp_min(FLOOR_DB)
        rows.append(torch.cat([level.mean(0), level.std(0), level.amax(0), level.diff(dim=0).std(0)]))
    statistics: Features = torch.stack(rows).numpy()
    return statistics
