"""Losses and realignment run in fp32 or better, whatever mixed precision is around them."""

from contextlib import AbstractContextManager, nullcontext

import torch


def without_autocast(device: torch.device) -> AbstractContextManager[None]:
    """Switches autocast off for the block: it would turn the products of similarities and cosines into bf16.

    Devices that know no autocast (meta) are left as they are.
    """
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device_type=device.type, enabled=False)
    return nullcontext()
