"""Image networks of timm over the frames of a clip, or over a spectrogram as one picture."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import EncoderConfig
from vatt_harmony.finetune.models.output import EncoderOutput
from vatt_harmony.model.torchvision_ops import prepare_torchvision

FILES = ("model.safetensors", "pytorch_model.bin")
"""Weights in a folder that timm or the hub has saved."""


class TimmEncoder(nn.Module):
    """Frames folded into the batch, features averaged over space and time; tokens are places of all frames."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network
        self.config = None  # its name tells all
        self.width: int = network.head_hidden_size  # type: ignore[assignment]
        self.token_width: int = network.num_features  # type: ignore[assignment]

    def forward(self, x: Tensor) -> EncoderOutput:
        """Pictures `[B, T, C, H, W]`, or spectrograms `[B, T, F]` as one picture of height F."""
        if x.ndim == 3:
            x = x.transpose(1, 2)[:, None, None]
        features = self.network.forward_features(x.flatten(0, 1))
        pooled = self.network.forward_head(features, pre_logits=True).unflatten(0, x.shape[:2])
        if features.ndim == 4:  # a map of places, channels first except where the network says otherwise
            last = getattr(self.network, "output_fmt", "NCHW") == "NHWC"
            features = (features if last else features.movedim(1, -1)).flatten(1, 2)
        return EncoderOutput(pooled.mean(1), features.unflatten(0, x.shape[:2]).flatten(1, 2))


def timm_encoder(config: EncoderConfig, channels: int, size: tuple[int, int]) -> TimmEncoder:
    """The network `config.name` for pictures of `channels` channels and `size` (height, width).

    Weights are read from a local file or folder; `timm` stands for timm's own. A first layer for other channels is
    adapted as timm does. Raises UserError for a network or weights that cannot be had.
    """
    prepare_torchvision()
    import timm  # heavy, and needs the line above

    options: dict[str, Any] = {"num_classes": 0, "in_chans": channels}
    try:
        fixed = timm.models.get_pretrained_cfg(config.name, allow_unregistered=False).fixed_input_size
        options |= {"img_size": size} if fixed else {}
        if not (config.weights and config.pretrained):
            network = timm.create_model(config.name, **options)
            if config.init == "kaiming" and not config.weights:
                kaiming(network)
        elif config.weights == "timm":
            network = timm.create_model(config.name, pretrained=True, **options)
        else:
            state = _state(timm.create_model(config.name, num_classes=0), Path(config.weights))
            network = timm.create_model(
                config.name, pretrained=True, pretrained_cfg_overlay={"state_dict": state}, **options
            )
    except UserError:
        raise
    except Exception as error:  # of timm, of the hub, of the network: they share no type
        raise UserError(
            f"The timm network {config.name} cannot be had: {type(error).__name__}: {error}",
            "Nothing was started",
            "Name an architecture of timm that takes this input size, and weights that are here or can be fetched",
        ) from error
    return TimmEncoder(network)


@torch.no_grad()
def kaiming(network: nn.Module) -> None:
    """Convolutions Kaiming-normal by fan-out, batch-norm weights N(1, 0.02): how the balancing papers start."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)


def _state(network: nn.Module, place: Path) -> dict[str, Tensor]:
    """Tensors of a weights file, which must hold all of the network's; its classifier is not asked for."""
    import timm

    file = next((place / name for name in FILES if (place / name).is_file()), place)
    state: dict[str, Tensor] = timm.models.load_state_dict(str(file), use_ema=False)
    missing = [name for name in network.state_dict() if name not in state]
    if missing:
        raise UserError(
            f"{file} lacks {len(missing)} of the encoder's tensors, {missing[0]} among them",
            "They would stay random",
            "Give the weights of this very network",
        )
    return state
