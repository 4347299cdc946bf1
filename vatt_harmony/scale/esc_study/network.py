"""The sound tower of a VATT with one linear layer on it, fed with spectrograms that are computed once."""

import torch
from torch import Tensor, nn

from vatt_harmony.model.config import ModelConfig
from vatt_harmony.model.patches import spectrogram_patches
from vatt_harmony.model.spectrogram import log_mel
from vatt_harmony.model.tower import SpectrogramTokens
from vatt_harmony.model.vatt import Vatt


class _TokensOfSpectrograms(SpectrogramTokens):
    """The tower's tokeniser behind its log-mel, which is four fifths of the work of a network as small as this."""

    def cut(self, media: Tensor) -> Tensor:
        return spectrogram_patches(media, self.config.spectrogram_patch)


class SoundClassifier(nn.Module):
    """Tokens, encoder and final norm of a model's sound branch, then logits from 0 on."""

    def __init__(self, model: Vatt, classes: int) -> None:
        super().__init__()
        width = model.config.widths["audio"]
        self.tokens = _TokensOfSpectrograms(model.config, width)
        self.tokens.load_state_dict(model.tokens["audio"].state_dict())
        self.encoder = model.encoders[model.encoder_of("audio")]
        self.norm = model.head_stage.norms["audio"]
        self.head = nn.Linear(width, classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def features(self, spectrograms: Tensor, seeds: Tensor | None = None) -> Tensor:
        """`[N, F, mels]`, and in training the seeds of DropToken int64 `[N]` -> pooled features `[N, D]`."""
        z, _ = self.encoder(*self.tokens(spectrograms, seeds))
        pooled: Tensor = self.norm(z)
        return pooled

    def forward(self, spectrograms: Tensor, seeds: Tensor | None = None) -> Tensor:
        """As `features`, to logits `[N, C]`."""
        logits: Tensor = self.head(self.features(spectrograms, seeds))
        return logits


def spectrograms(waves: Tensor, config: ModelConfig) -> Tensor:
    """What the model's sound branch sees of `[N, S]`: `[N, F, mels]`."""
    c = config
    parts = torch.split(waves, 32)
    return torch.cat([log_mel(w, c.sample_rate, c.mels, c.mel_range, c.stft_window, c.stft_hop) for w in parts])
