"""Initial values of the aligner's parameters."""

import torch
from torch import Generator, nn

from vatt_harmony.align.ln_lstm import LayerNormLSTM
from vatt_harmony.align.stacks import OneLayerLSTM

BIAS_DEVIATION = 0.1


def initialise(module: nn.Module, generator: Generator) -> None:
    """Fill every linear and recurrent layer of `module`, in order.

    Linear: Kaiming normal over the inputs, for ReLU. LSTM: Xavier normal from the input, orthogonal from the state,
    both biases of the forget gate 1. Other biases normal. The cells with layer norm have no biases to set. Source:
    released code of Wang et al., WACV 2021.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu", generator=generator)
            if part.bias is not None:
                nn.init.normal_(part.bias, std=BIAS_DEVIATION, generator=generator)
        elif isinstance(part, OneLayerLSTM):
            nn.init.xavier_normal_(part.weight_ih_l0, generator=generator)
            nn.init.orthogonal_(part.weight_hh_l0, generator=generator)
            for bias in (part.bias_ih_l0, part.bias_hh_l0):
                nn.init.normal_(bias, std=BIAS_DEVIATION, generator=generator)
                with torch.no_grad():
                    bias.chunk(4)[1].fill_(1)
        elif isinstance(part, LayerNormLSTM):
            nn.init.xavier_normal_(part.input_weight, generator=generator)
            nn.init.orthogonal_(part.hidden_weight, generator=generator)
