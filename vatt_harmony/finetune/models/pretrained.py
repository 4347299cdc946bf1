"""Networks of transformers from a local folder, with or without its weights."""

from collections.abc import Callable
from typing import Any

from vatt_harmony.errors import UserError
from vatt_harmony.model.torchvision_ops import prepare_torchvision


def load_transformer(place: str, pretrained: bool, change: Callable[[Any], None] = lambda shape: None) -> Any:
    """The model saved in `place`, or one of the shape its config.json describes with new weights.

    `change` may alter its configuration before it is built. Raises UserError when it cannot be had.
    """
    prepare_torchvision()  # transformers imports torchvision
    from transformers import AutoConfig, AutoModel

    try:
        config = AutoConfig.from_pretrained(place)
        change(config)
        return AutoModel.from_pretrained(place, config=config) if pretrained else AutoModel.from_config(config)
    except (OSError, ValueError) as error:
        raise UserError(
            f"The network in {place} cannot be had: {error}",
            "Nothing was started",
            "Name a folder that transformers has saved",
        ) from error
