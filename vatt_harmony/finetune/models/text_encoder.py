"""Text encoders of transformers."""

from typing import Literal

import torch
from torch import Tensor, nn

from vatt_harmony.finetune.config import EncoderConfig
from vatt_harmony.finetune.models.output import EncoderOutput
from vatt_harmony.finetune.models.pretrained import load_transformer


class TextEncoder(nn.Module):
    """Hidden states of the words; pooled as their mean, or as the state of the first token ("cls")."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        network = load_transformer(config.weights, config.pretrained)
        self.config = network.config
        if getattr(network, "pooler", None) is not None:
            network.pooler = None  # not read here, and other ranks would wait for its gradient
        self.network = network.get_encoder() if network.config.is_encoder_decoder else network
        self.pool: Literal["mean", "cls"] = config.pool
        self.width = self.token_width = self.network.config.hidden_size

    def forward(self, text: Tensor) -> EncoderOutput:
        """Ids int64 `[B, L]`, 0 is padding."""
        first = torch.arange(text.shape[1], device=text.device) == 0
        words = (text != 0) | first  # an empty sentence stays finite
        states = self.network(input_ids=text, attention_mask=words).last_hidden_state
        if self.pool == "cls":
            return EncoderOutput(states[:, 0], states, words)
        weights = words[..., None].to(states)
        return EncoderOutput((states * weights).sum(1) / weights.sum(1), states, words)
