"""State as one tensor of bytes, so that every way of saving a model keeps it, safetensors included."""

import io
from typing import Any

import torch
from torch import Tensor


def pack(state: dict[str, Any]) -> Tensor:
    """uint8 `[bytes]` of a state of numbers, strings, lists, mappings and tensors."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)


def unpack(packed: Tensor) -> dict[str, Any]:
    """The state that `pack` was given, its tensors on the CPU; nothing but data is ever loaded."""
    state: dict[str, Any] = torch.load(
        io.BytesIO(packed.cpu().numpy().tobytes()), weights_only=True, map_location="cpu"
    )
    return state
