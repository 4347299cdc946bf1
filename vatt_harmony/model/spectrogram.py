"""Log-mel spectrogram (official settings) in torch alone, inside the model."""

import torch
from torch import Tensor
from torch.nn.functional import pad


def log_mel(
    audio: Tensor, sample_rate: int, mels: int, mel_range: tuple[float, float], window: float, hop: float
) -> Tensor:
    """Sound `[N, S]` -> `[N, ceil(S / hop), mels]`: log(1 + 1e4 |STFT| mel), scaled to [0, 1] per clip.

    `window` and `hop` are seconds, frequencies Hz. Frames begin at multiples of the hop; the end is padded with
    zeros. Computed in float32 at least.
    """
    audio = audio.to(torch.promote_types(audio.dtype, torch.float32))
    length, step = int(window * sample_rate), int(hop * sample_rate)
    frames = -(-audio.shape[1] // step)
    bins = 1 << (length - 1).bit_length()
    padded = pad(audio, (0, (frames - 1) * step + length - audio.shape[1]))
    hann = torch.hann_window(length, device=audio.device, dtype=audio.dtype)
    spectrum = torch.fft.rfft(padded.unfold(1, length, step) * hann, n=bins).abs()
    to_mel = mel_matrix(bins // 2 + 1, sample_rate, mels, mel_range).to(audio)
    loud = torch.log1p(1e4 * (spectrum @ to_mel))
    low, high = loud.amin((1, 2), keepdim=True), loud.amax((1, 2), keepdim=True)
    return (loud - low) / (high - low).clamp_min(1e-6)


def mel_matrix(bins: int, sample_rate: int, mels: int, mel_range: tuple[float, float]) -> Tensor:
    """Triangles on the HTK mel scale, float64 `[bins, mels]`."""
    spectrum = _mel(torch.linspace(0, sample_rate / 2, bins, dtype=torch.float64, device="cpu"))[:, None]
    low, high = (float(_mel(torch.tensor(edge, dtype=torch.float64, device="cpu"))) for edge in mel_range)
    edges = torch.linspace(low, high, mels + 2, dtype=torch.float64, device="cpu")
    rising = (spectrum - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - spectrum) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp_min(0)


def _mel(hertz: Tensor) -> Tensor:
    return 1127 * torch.log1p(hertz / 700)
