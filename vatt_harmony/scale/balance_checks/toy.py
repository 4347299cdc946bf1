"""A small classifier of two or three modalities and made-up samples, some without a modality."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vatt_harmony.randomness import keyed_int

MODALITIES = ("audio", "video", "text")
WIDTHS = {"audio": 6, "video": 10, "text": 8}
NOISE = {"audio": 0.5, "video": 2.0, "text": 4.0}
"""Sound is easy, text is hard."""
CLASSES, HIDDEN, FEATURE = 4, 16, 8


class Toy(nn.Module):
    """One encoder a modality and a linear layer over their outputs, zeros where a modality is missing."""

    def __init__(self, modalities: int = 2) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Linear(WIDTHS[name], HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, FEATURE))
                for name in MODALITIES[:modalities]
            }
        )
        self.fusion = nn.Linear(modalities * FEATURE, CLASSES)

    def forward(self, present: dict[str, Tensor] | None = None, **inputs: Tensor) -> Tensor:
        """Logits `[B, C]` of inputs `[B, D_m]` by name; `present`, bool `[B]`, for modalities that some lack."""
        features = []
        for name, encoder in self.encoders.items():
            feature = encoder(inputs[name])
            features.append(feature if present is None else feature * present[name].unsqueeze(-1))
        logits: Tensor = self.fusion(torch.cat(features, dim=-1))
        return logits


@dataclass(frozen=True, kw_only=True)
class Samples:
    """B samples: inputs `[B, D_m]`, int64 labels `[B]`, and which have the modality, bool `[B]`."""

    inputs: dict[str, Tensor]
    targets: Tensor
    present: dict[str, Tensor]

    def rows(self, chosen: slice) -> "Samples":
        """Some of them."""
        return Samples(
            inputs={name: rows[chosen] for name, rows in self.inputs.items()},
            targets=self.targets[chosen],
            present={name: rows[chosen] for name, rows in self.present.items()},
        )


def make_toy(modalities: int = 2, dtype: torch.dtype = torch.float64, seed: int = 0) -> Toy:
    """The model, the same for the same seed; the caller's random numbers stay as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Toy(modalities).to(dtype)


def batches(
    steps: int, rows: int = 16, modalities: int = 2, missing: bool = False, dtype: torch.dtype = torch.float64
) -> Iterator[Samples]:
    """`steps` batches; with `missing` the last three quarters have no sound and the first sample no picture."""
    generator = torch.Generator().manual_seed(keyed_int(0, "toy", modalities))
    names = MODALITIES[:modalities]
    centres = {name: torch.randn(CLASSES, WIDTHS[name], generator=generator, dtype=dtype) for name in names}
    for _ in range(steps):
        targets = torch.randint(CLASSES, (rows,), generator=generator)
        inputs = {
            name: centre[targets] + NOISE[name] * torch.randn(rows, WIDTHS[name], generator=generator, dtype=dtype)
            for name, centre in centres.items()
        }
        present = {name: torch.ones(rows, dtype=torch.bool) for name in names}
        if missing:
            present["audio"][rows // 4 :] = False
            present["video"][0] = False
        yield Samples(inputs=inputs, targets=targets, present=present)
