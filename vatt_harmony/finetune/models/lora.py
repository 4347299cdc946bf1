"""Low-rank adapters (Hu et al., arXiv 2106.09685) on the network of an encoder, by peft."""

from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import LoraConfig
from vatt_harmony.model.torchvision_ops import prepare_torchvision


def add_lora(backbone: Any, config: LoraConfig) -> None:
    """Freeze `backbone.network` and put adapters on it; what stands after the network goes on learning.

    Raises UserError where there is no network, or the targets name nothing in it.
    """
    prepare_torchvision()  # peft imports transformers, which imports torchvision
    import peft

    network: nn.Module | None = backbone.network
    if network is None:
        raise UserError(
            "train is lora, but this Conformer has no pretrained network below it",
            "There is nothing to adapt",
            "Name a speech model in conformer.base, or set train full",
        )
    targets = list(config.targets) or default_targets(network)
    settings = peft.LoraConfig(r=config.rank, lora_alpha=config.alpha, target_modules=targets)
    try:
        backbone.network = peft.get_peft_model(network, settings)
    except ValueError as error:
        raise UserError(
            f"lora.targets is {list(config.targets)}: {error}",
            "Nothing would be adapted",
            "Name linear layers or convolutions of the network by the last part of their names, or leave it empty",
        ) from error


def default_targets(network: nn.Module) -> list[str]:
    """Full names of all linear layers, or of all convolutions in a network that has no linear layer."""
    for kind in (nn.Linear, nn.Conv2d):
        if names := [name for name, module in network.named_modules() if isinstance(module, kind)]:
            return names
    return []


def save_adapter(network: Any, folder: Path) -> None:
    """Write the adapter as peft does (adapter_config.json, adapter_model.safetensors), for `PeftModel`."""
    import peft

    folder.mkdir(parents=True, exist_ok=True)
    network.peft_config["default"].save_pretrained(str(folder))
    tensors = {name: tensor.contiguous() for name, tensor in peft.get_peft_model_state_dict(network).items()}
    save_file(tensors, folder / "adapter_model.safetensors")
