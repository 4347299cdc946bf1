"""Items to examples: decoded, cut, augmented by keyed chance; what cannot be read is told, never silent."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vatt_harmony.finetune.augment import View, fixed_views
from vatt_harmony.finetune.collate import Example, Failure
from vatt_harmony.finetune.config import InputsConfig, Modality
from vatt_harmony.finetune.cut import Array, Encode, blank, cut_audio, cut_text, cut_video
from vatt_harmony.finetune.items import Item, Source, TaskKind
from vatt_harmony.finetune.store import ClipStore
from vatt_harmony.media.errors import MediaError, Reason

ABSENT: Mapping[Modality, Reason] = {"video": "no video stream", "audio": "no audio stream", "text": "no caption"}
MOST_REPLACEMENTS = 20
"""Items tried in the stead of one that cannot be read, when training."""


class FinetuneDataset(Dataset[Example]):
    """One split of a labelled set as a map-style data set; the same seed, epoch and item give the same example.

    Training: an item that cannot be read gives the next one that can, so that batches keep their size; the failure is
    in `Example.failures`. Test: such an item gives an `Example` without inputs, which `collate` leaves out.
    """

    def __init__(
        self,
        items: Sequence[Item],
        inputs: InputsConfig,
        modalities: Sequence[Modality],
        *,
        train: bool,
        task: TaskKind = "classification",
        classes: int = 0,
        seed: int = 0,
        mask_missing: bool = False,
        store: ClipStore | None = None,
        encode: Encode | None = None,
    ) -> None:
        self.items, self.inputs, self.modalities = items, inputs, tuple(modalities)
        self.train, self.seed = train, seed
        self._task, self._classes, self._mask_missing = task, classes, mask_missing
        self._store, self._encode = store, encode
        # In shared memory: workers that outlive an epoch must see the next one.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]

    def __len__(self) -> int:
        return len(self.items)

    def set_epoch(self, epoch: int) -> None:
        """Draw the crops, windows and noise of this epoch from now on."""
        self._epoch.fill_(epoch)

    def __getitem__(self, index: int) -> Example:
        failures: list[Failure] = []
        example = self._example(self.items[index], failures)
        tried = 0
        while self.train and not example.inputs and tried < min(MOST_REPLACEMENTS, len(self.items) - 1):
            tried += 1
            example = self._example(self.items[(index + tried) % len(self.items)], failures)
        return Example(
            inputs=example.inputs,
            present=example.present,
            target=example.target,
            key=example.key,
            failures=tuple(failures),
        )

    def _example(self, item: Item, failures: list[Failure]) -> Example:
        if self.train:
            views = [View(key=item.key, training=True, seed=self.seed, epoch=int(self._epoch))]
        else:
            views = fixed_views(item.key, self.inputs.views)
        found: dict[Modality, Tensor | None] = {}
        for modality in self.modalities:
            try:
                found[modality] = self._stacked(modality, item, views)
            except (MediaError, OSError, ValueError) as error:  # the last two: frame folders and feature files
                reason = error.reason if isinstance(error, MediaError) else "container open"
                failures.append((item.key, f"{modality}: {reason}"))
                found[modality] = None
        present = {modality: tensor is not None for modality, tensor in found.items()}
        return Example(
            inputs=self._complete(found, len(views)),
            present=present,
            target=target_tensor(item, self._task, self._classes),
            key=item.key,
        )

    def _complete(self, found: Mapping[Modality, Tensor | None], views: int) -> dict[Modality, Tensor]:
        """Every modality, missing ones as zeros if they are masked; nothing where the clip is to be left out."""
        missing = [modality for modality, tensor in found.items() if tensor is None]
        if len(missing) == len(found) or (missing and not self._mask_missing):
            return {}
        zeros = {modality: _tensor([blank(modality, self.inputs)] * views) for modality in missing}
        return {modality: zeros[modality] if tensor is None else tensor for modality, tensor in found.items()}

    def _stacked(self, modality: Modality, item: Item, views: Sequence[View]) -> Tensor:
        source = item.sources.get(modality)
        if source is None:
            raise MediaError(ABSENT[modality], "not in the set's list")
        return _tensor([self._cut(modality, source, view) for view in views])

    def _cut(self, modality: Modality, source: Source, view: View) -> Array:
        if modality == "video":
            return cut_video(source, self.inputs.video, view, self._store)
        if modality == "audio":
            return cut_audio(source, self.inputs.audio, view, self._store)
        assert self._encode is not None  # `open_splits` gives one wherever text is used
        return cut_text(source, self._encode)


def target_tensor(item: Item, task: TaskKind, classes: int) -> Tensor:
    """int64 `[]` of one class, float32 `[C]` with ones of several, float32 `[1]` of a number."""
    if task == "classification":
        return torch.tensor(item.target, dtype=torch.int64)
    if task == "regression":
        return torch.tensor([item.target], dtype=torch.float32)
    several = torch.zeros(classes)
    several[list(item.target)] = 1.0  # type: ignore[arg-type]  # tuples, of a multi-label set
    return several


def _tensor(views: Sequence[Array]) -> Tensor:
    """One view as it is, several along a new first dimension."""
    return torch.from_numpy(np.ascontiguousarray(views[0] if len(views) == 1 else np.stack(views)))
