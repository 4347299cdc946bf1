"""The Conformer encoder of the MLB experiments: over hidden states of a speech model, or over feature vectors."""

from typing import Any

from torch import Tensor, nn

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import EncoderConfig
from vatt_harmony.finetune.models.conformer import Conformer
from vatt_harmony.finetune.models.output import EncoderOutput
from vatt_harmony.finetune.models.pretrained import load_transformer


class ConformerEncoder(nn.Module):
    """1 x 1 convolution to a few channels, Conformer blocks, mean over time."""

    def __init__(self, config: EncoderConfig, width: int) -> None:
        """`width`: of the vectors `[B, T, width]` that come in where no speech model stands before the blocks."""
        super().__init__()
        c = config.conformer
        self.network = speech_model(config) if c.base else None
        self.config = None if self.network is None else self.network.config
        inputs = width if self.network is None else self.network.config.hidden_size
        self.stem = nn.Conv1d(inputs, c.stem, 1)
        # The papers do not tell how the few channels become the blocks' width; here one linear layer makes them.
        self.widen = nn.Linear(c.stem, c.width)
        self.blocks = Conformer(c.width, c.layers, c.heads, c.kernel, c.dropout)
        self.width = self.token_width = c.width

    def forward(self, x: Tensor) -> EncoderOutput:
        """Waveform `[B, S]` where there is a speech model, else vectors `[B, T, D]`."""
        if self.network is not None:
            x = self.network(x).last_hidden_state
        tokens = self.blocks(self.widen(self.stem(x.transpose(1, 2)).transpose(1, 2)))
        return EncoderOutput(tokens.mean(1), tokens)


def speech_model(config: EncoderConfig) -> Any:
    """The first layers of a wav2vec 2.0-like model, its convolutions frozen, as in the MLB experiments."""

    def shorten(shape: Any) -> None:
        shape.num_hidden_layers = min(shape.num_hidden_layers, config.conformer.base_layers)
        # SpecAugment draws from NumPy's global generator; LayerDrop leaves layers without a gradient, for which other
        # ranks would wait.
        shape.mask_time_prob = shape.mask_feature_prob = shape.layerdrop = 0.0

    network = load_transformer(config.conformer.base, config.pretrained, shorten)
    if not hasattr(network, "freeze_feature_encoder"):
        raise UserError(
            f"{config.conformer.base} holds a {type(network).__name__}, which does not hear waveforms",
            "The Conformer would have nothing to read",
            "Name a folder of a wav2vec 2.0, HuBERT or WavLM model, or leave conformer.base empty",
        )
    network.freeze_feature_encoder()
    return network
