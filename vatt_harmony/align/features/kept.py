"""The decoded windows and token chunks of prepared films, beside their features, to train the encoder along."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from vatt_harmony.align.features.vatt import token_chunks
from vatt_harmony.align.features.windows import Cut, Short, every_cut, read_cuts
from vatt_harmony.align.sequence import AlignmentSequence, read_about
from vatt_harmony.errors import UserError
from vatt_harmony.model.processor import VattProcessor


def keep_media(
    folder: Path, films: Sequence[AlignmentSequence], processor: VattProcessor, *, sound: bool, short: Short
) -> None:
    """Write FILM.safetensors into `folder`, numbered as the films are, which `KeptMedia` reads.

    Space for a clip: its windows x frames x size^2 x 3 bytes, and 4 bytes a sample of sound.
    """
    for number, film in enumerate(films):
        assert film.media is not None, "films are prepared from media"
        cuts = list(every_cut(read_cuts(Path(film.media), film.clips.spans, processor, sound=sound, short=short)))
        heard = [
            torch.zeros(0, processor.samples) if cut.audio is None else torch.from_numpy(cut.audio) for cut in cuts
        ]
        seen, chunks = [torch.from_numpy(cut.video) for cut in cuts], token_chunks(processor, film.sentences.texts)
        arrays: dict[str, Tensor] = {}
        for name, items in (("video", seen), ("audio", heard), ("text", chunks)):
            arrays[name] = torch.cat(items)
            arrays[f"{name}_ends"] = torch.tensor([len(item) for item in items]).cumsum(0)
        save_file(arrays, folder / _file(number))


@dataclass(frozen=True)
class KeptMedia:
    """The media of the films of a folder that `align prepare --keep-media` has written, read as they are needed."""

    folder: Path
    options: dict[str, Any]
    """Those of `align prepare`."""

    @classmethod
    def open(cls, folder: Path) -> "KeptMedia":
        """Raises UserError for a folder without media."""
        about = read_about(folder)
        if any(not (folder / _file(number)).is_file() for number in range(len(about["sequences"]))):
            raise UserError(
                f"{folder} holds features but not the windows that they were made from",
                "The encoder could not be trained along",
                "Prepare it again with --encoder and --keep-media, or leave out data.encoder",
            )
        return cls(folder, about["features"]["options"])

    def cut(self, film: int, clip: int) -> Cut:
        """The windows of one clip of a film."""
        audio = self._rows(film, "audio", clip).numpy()
        return Cut(video=self._rows(film, "video", clip).numpy(), audio=audio if len(audio) else None)

    def chunks(self, film: int, sentence: int) -> Tensor:
        """The token chunks int64 [C, L] of one sentence of a film."""
        return self._rows(film, "text", sentence)

    def _rows(self, film: int, name: str, item: int) -> Tensor:
        with safe_open(self.folder / _file(film), framework="pt") as arrays:
            ends: NDArray[np.int64] = arrays.get_tensor(f"{name}_ends").numpy()
            start = int(ends[item - 1]) if item else 0
            rows: Tensor = arrays.get_slice(name)[start : int(ends[item])]
            return rows


def _file(number: int) -> str:
    return f"{number:06d}.safetensors"
