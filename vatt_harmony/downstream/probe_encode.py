"""Labelled clips to features of an exported model, decoded beside one another."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from vatt_harmony.downstream.items import Failures
from vatt_harmony.downstream.probe_media import Modality, read_windows
from vatt_harmony.downstream.probe_sets import LabelledClip
from vatt_harmony.downstream.windows import Cut
from vatt_harmony.media.errors import MediaError
from vatt_harmony.model.hf import PAIR_OF, VattModel

FeatureKind = Literal["tower", "va", "vt"]
Windows = list[NDArray[Any]]
THREADS = 4


def encode_clips(
    model: VattModel,
    clips: Sequence[LabelledClip],
    modality: Modality,
    cut: Cut,
    spaced: Mapping[str, int],
    failures: Failures,
) -> dict[str, NDArray[Any]]:
    """`key` and `rows` (1 + windows) of each clip that could be read, and one column [all rows, D] of each kind.

    `spaced`: how many windows a clip gives besides its middle one. `tower` is the encoder's output after its final
    norm and post-projection; `va` and `vt` are the raw embeddings that the model has.
    """
    keys: list[str] = []
    counts: list[int] = []
    columns: dict[str, list[NDArray[np.float32]]] = {}
    for key, shown in _decoded(clips, modality, cut, spaced, failures):
        keys.append(key)
        counts.append(len(shown))
        for name, values in _encoded(model, modality, shown):
            columns.setdefault(name, []).append(values)
    table: dict[str, NDArray[Any]] = {name: np.concatenate(values) for name, values in columns.items()}
    return {"key": np.array(keys, dtype=np.str_), "rows": np.array(counts, dtype=np.int64)} | table


def _decoded(
    clips: Sequence[LabelledClip], modality: Modality, cut: Cut, spaced: Mapping[str, int], failures: Failures
) -> Iterator[tuple[str, Windows]]:
    """(key, windows) in order; what cannot be read is counted."""

    def read(clip: LabelledClip) -> Windows | MediaError:
        try:
            return read_windows(clip.sources[modality], modality, cut, spaced[clip.key])
        except MediaError as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(clips), 2 * THREADS):  # no more clips than that are held in memory
            group = clips[start : start + 2 * THREADS]
            for clip, shown in zip(group, pool.map(read, group), strict=True):
                if isinstance(shown, MediaError):
                    failures.add(shown.reason, clip.key)
                else:
                    yield clip.key, shown


@torch.no_grad()
def _encoded(model: VattModel, modality: Modality, shown: Windows) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """(kind, float32 [rows, D]) of one clip's windows."""
    media = torch.from_numpy(np.stack(shown)).to(model.device)
    z: dict[str, torch.Tensor] = {modality: model.vatt(**{modality: media})[modality]}
    yield "tower", _array(model.vatt.head_stage.features(z)[modality])
    embedded = model.vatt.head_stage.embed(z)
    for (owner, space), pair in PAIR_OF.items():
        if owner == modality and modality in embedded.get(pair, {}):
            yield space, _array(embedded[pair][modality])


def _array(values: torch.Tensor) -> NDArray[np.float32]:
    return np.asarray(values.float().cpu().numpy())
