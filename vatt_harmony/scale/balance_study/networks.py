"""The small networks of the study: a convolution and a linear layer a modality, and one linear layer over both."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vatt_harmony.scale.balance_study.task import MODALITIES, Task

CHANNELS, WIDTH = 16, 64


def encoder(example: Tensor) -> nn.Sequential:
    """`[B, C, H, W]` -> `[B, 64]`; the frames of a picture are its channels."""
    channels, height, width = example.shape[1:]
    places = -(-height // 4) * -(-width // 4)  # a stride of 4, rounded up
    return nn.Sequential(
        nn.Conv2d(channels, CHANNELS, 5, stride=4, padding=2),
        nn.BatchNorm2d(CHANNELS),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(CHANNELS * places, WIDTH),
        nn.ReLU(),
    )


class JointNetwork(nn.Module):
    """Features of both modalities, concatenated, into one linear layer."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({m: encoder(task.inputs[m]) for m in MODALITIES})
        self.fusion = nn.Linear(WIDTH * len(MODALITIES), task.classes)

    def forward(self, picture: Tensor, sound: Tensor) -> Tensor:
        """Logits `[B, classes]`."""
        fused: Tensor = self.fusion(torch.cat([self.encoders["picture"](picture), self.encoders["sound"](sound)], 1))
        return fused


class LoneNetworks(nn.Module):
    """One network for each modality; they share nothing, so training both at once is training each alone."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({m: encoder(task.inputs[m]) for m in MODALITIES})
        self.heads = nn.ModuleDict({m: nn.Linear(WIDTH, task.classes) for m in MODALITIES})

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Logits `[B, classes]` of each."""
        return {m: self.heads[m](self.encoders[m](inputs[m])) for m in MODALITIES}
