"""From decoded media to what an encoder reads, on the device: pixels scaled, sound as waveform or spectrogram."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from vatt_harmony.finetune.config import AudioConfig, VideoConfig
from vatt_harmony.model.spectrogram import mel_matrix


class Frames(nn.Module):
    """uint8 frames to float, per channel mean 0 and deviation 1."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: VideoConfig) -> None:
        super().__init__()
        for name, values in (("mean", config.mean), ("std", config.std)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1) * 255, persistent=False)

    def forward(self, video: Tensor) -> Tensor:
        """uint8 `[B, T, H, W, 3]` -> `[B, T, 3, H, W]` in the number type of the model."""
        return (video.movedim(-1, 2).to(self.mean.dtype) - self.mean) / self.std


class Sound(nn.Module):
    """Waveform to the view an encoder reads, normalised as the configuration says; computed in float32.

    With `normalise: set` the model holds one mean and one deviation, measured by `measure` before training.
    """

    mean: Tensor
    std: Tensor
    window: Tensor
    mel: Tensor

    def __init__(self, config: AudioConfig) -> None:
        super().__init__()
        self.config = config
        # Saved with the model: a fine-tuned model must hear what it was trained on.
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("std", torch.ones(()))
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)
        edges = (config.f_min, config.f_max or config.sample_rate / 2)
        mel = mel_matrix(config.n_fft // 2 + 1, config.sample_rate, config.mels, edges)
        self.register_buffer("mel", mel.float(), persistent=False)

    @property
    def width(self) -> int:
        """Values of one frame: samples, frequencies or mel bands."""
        return {"waveform": 1, "spectrogram": self.config.n_fft // 2 + 1, "logmel": self.config.mels}[self.config.view]

    @property
    def frames(self) -> int:
        """Frames of a clip."""
        c = self.config
        return c.samples if c.view == "waveform" else 1 + (c.samples - (0 if c.center else c.n_fft)) // c.hop

    def forward(self, audio: Tensor) -> Tensor:
        """`[B, S]`, cut to -1..1 -> waveform `[B, S]`, or log-spectrogram `[B, frames, width]`, time first."""
        with torch.autocast(audio.device.type, enabled=False):
            view = self.view(audio)
            if self.config.normalise == "sample":
                axes = tuple(range(1, view.ndim))
                mean, std = view.mean(axes, keepdim=True), view.std(axes, keepdim=True)
                return ((view - mean) / std.clamp_min(1e-6)).to(self.mean.dtype)
            return ((view - self.mean) / self.std).to(self.mean.dtype)

    def view(self, audio: Tensor) -> Tensor:
        """The view before normalisation, float32."""
        audio, c = audio.float().clamp(-1, 1), self.config
        if c.view == "waveform":
            return audio
        spectrum = torch.stft(
            audio, c.n_fft, c.hop, window=self.window.float(), center=c.center, pad_mode="constant", return_complex=True
        )
        magnitude = spectrum.abs().transpose(1, 2)
        if c.view == "logmel":
            magnitude = magnitude.square() @ self.mel.float()
        return (magnitude + c.log_floor).log()

    @torch.no_grad()
    def measure(self, batches: Iterable[Tensor]) -> None:
        """Set mean and deviation from waveforms `[B, S]` of the training split; every rank must give the same."""
        count, total, squares = 0, 0.0, 0.0
        for audio in batches:
            view = self.view(audio.to(self.mean.device)).double()
            count, total, squares = count + view.numel(), total + float(view.sum()), squares + float((view**2).sum())
        if not count:
            raise ValueError("no batch was given, so mean and deviation of the training clips are unknown")
        mean = total / count
        self.mean.fill_(mean)
        self.std.fill_(max((squares / count - mean**2) ** 0.5, 1e-6))
