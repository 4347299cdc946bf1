"""The log-mel spectrogram against torch.stft, and its size at full settings."""

import torch
from torch.nn.functional import pad

from vatt_harmony.model.spectrogram import log_mel, mel_matrix

FULL = (48000, 80, (80.0, 7600.0), 0.04267, 0.02134)


def test_full_size_and_range() -> None:
    loud = log_mel(torch.randn(2, 153600), *FULL)
    assert loud.shape == (2, 150, 80)
    assert torch.equal(loud.amin((1, 2)), torch.zeros(2)) and torch.allclose(loud.amax((1, 2)), torch.ones(2))


def test_silence_is_finite() -> None:
    assert torch.equal(log_mel(torch.zeros(1, 20000), *FULL), torch.zeros(1, 20, 80))


def test_equals_torch_stft() -> None:
    audio = torch.randn(2, 30000, dtype=torch.float64)
    padded = pad(audio, (0, 29 * 1024 + 2048 - 30000))
    window = torch.hann_window(2048, dtype=torch.float64)
    magnitude = torch.stft(padded, 2048, 1024, window=window, center=False, return_complex=True).abs().mT
    loud = torch.log1p(1e4 * magnitude @ mel_matrix(1025, 48000, 80, (80.0, 7600.0)))
    low, high = loud.amin((1, 2), keepdim=True), loud.amax((1, 2), keepdim=True)
    torch.testing.assert_close(log_mel(audio, *FULL), (loud - low) / (high - low))


def test_a_tone_lights_its_bin() -> None:
    time = torch.arange(48000) / 48000
    for hertz in (200.0, 1000.0, 5000.0):
        loudest = int(log_mel(torch.sin(2 * torch.pi * hertz * time)[None], *FULL)[0, 10].argmax())
        weights = mel_matrix(1025, 48000, 80, (80.0, 7600.0))[round(hertz / 48000 * 2048)]
        assert abs(loudest - int(weights.argmax())) <= 1
