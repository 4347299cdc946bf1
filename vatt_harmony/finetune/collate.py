"""Examples to batches, with the account of what could not be read."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor

from vatt_harmony.finetune.config import Modality

Failure = tuple[str, str]
"""(item key, reason)."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One item as tensors; without inputs, only an account of failures."""

    inputs: dict[Modality, Tensor]
    """video uint8 `[T, H, W, 3]` (or float32 `[T, D]`), audio float32 `[S]`, text int64 `[L]`; with V views
    as a new first dimension at test where a clip is cut more than once."""
    present: dict[Modality, bool]
    """False where a modality is missing and its input is zero."""
    target: Tensor
    """int64 `[]` of one class, float32 `[C]` of several, float32 `[1]` of a number."""
    key: str
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FinetuneBatch:
    """B examples; B may be 0 when nothing of a test batch could be read."""

    inputs: dict[Modality, Tensor]
    """As in `Example`, with B first; empty when B is 0."""
    present: dict[Modality, Tensor]
    """Bool `[B]`."""
    targets: Tensor
    """`[B]` int64, or `[B, C]` or `[B, 1]` float32."""
    keys: tuple[str, ...]
    failures: tuple[Failure, ...] = field(default=())
    """What could not be read on the way to these examples."""

    def __len__(self) -> int:
        return len(self.keys)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """The same batch with its tensors on `device`."""
        return replace(
            self,
            inputs={name: value.to(device, non_blocking=non_blocking) for name, value in self.inputs.items()},
            present={name: value.to(device, non_blocking=non_blocking) for name, value in self.present.items()},
            targets=self.targets.to(device, non_blocking=non_blocking),
        )

    def pin_memory(self) -> Self:
        """The same batch in page-locked memory; the loader calls it."""
        return replace(
            self,
            inputs={name: value.pin_memory() for name, value in self.inputs.items()},
            present={name: value.pin_memory() for name, value in self.present.items()},
            targets=self.targets.pin_memory(),
        )


def collate(examples: Sequence[Example]) -> FinetuneBatch:
    """Stack what could be read; the `collate_fn` of a `DataLoader`."""
    read = [example for example in examples if example.inputs]
    names = list(read[0].inputs) if read else []
    return FinetuneBatch(
        inputs={name: torch.stack([example.inputs[name] for example in read]) for name in names},
        present={name: torch.tensor([example.present[name] for example in read]) for name in names},
        targets=torch.stack([example.target for example in read]) if read else torch.zeros(0, dtype=torch.int64),
        keys=tuple(example.key for example in read),
        failures=tuple(failure for example in examples for failure in example.failures),
    )
