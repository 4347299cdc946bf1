"""What tells one set of weights from another."""

import hashlib

import torch
from torch import nn


def weights_digest(model: nn.Module) -> str:
    """16 hexadecimal digits of the names and bytes of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]
