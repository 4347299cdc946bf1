"""`environment.json`: what the run ran on and with, without naming the machine."""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from vatt_harmony.engine.files import write_json_atomically
from vatt_harmony.figures import commit

PACKAGES = (
    "vatt_harmony", "torch", "deepspeed", "transformers", "timm", "webdataset", "av", "tokenizers", "safetensors",
    "tensorboard", "numpy",
)  # fmt: skip


def write_environment(folder: Path, *, devices: Sequence[str], deepspeed: Mapping[str, Any]) -> None:
    """Write `environment.json` into the run folder. Rank 0 only.

    `devices`: the device name of each rank, in rank order; `deepspeed`: DeepSpeed's JSON as resolved for this run.
    """
    write_json_atomically(
        folder / "environment.json",
        {
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "packages": {name: _version(name) for name in PACKAGES},
            "cuda": torch.version.cuda,
            "ranks": len(devices),
            "devices": list(devices),
            "commit": commit() or None,
            "deepspeed": deepspeed,
        },
    )


def device_name(device: torch.device) -> str:
    """Name of this rank's device: torch's name of the GPU, or the processor's architecture."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU {platform.machine()}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
