"""Clip features from an image encoder of timm."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from vatt_harmony.align.features.encoder import Rows
from vatt_harmony.align.features.windows import SHORTEST
from vatt_harmony.align.sequence import AlignmentSequence
from vatt_harmony.errors import UserError
from vatt_harmony.media.decode import MediaReader, open_media
from vatt_harmony.media.errors import MediaError
from vatt_harmony.model.fingerprint import weights_digest
from vatt_harmony.model.torchvision_ops import prepare_torchvision


class TimmClips:
    """The mean over `frames` evenly spaced pictures of a clip (one: its central picture), as a unit vector.

    The centred part of a picture that has the encoder's aspect is scaled to its input. `name` is a model of timm or
    a folder that timm has saved; `weights` are read from that file, else timm's own are fetched if they are not here.
    Raises UserError for a model that cannot be had.
    """

    def __init__(self, name: str, weights: Path | None = None, frames: int = 1, device: str = "cpu") -> None:
        model, config = _load(name, weights)
        self._model, self._frames, self._device = model.eval().to(device), frames, device
        self._height, self._width = config["input_size"][1:]
        self._mean, self._std = (torch.tensor(config[key])[:, None, None] for key in ("mean", "std"))
        told = [weights_digest(model), config["input_size"], config["mean"], config["std"], frames]
        self.fingerprint = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    def clips(self, film: AlignmentSequence) -> Iterator[Rows | str]:
        """As `ClipEncoder.clips`."""
        assert film.media is not None, "clips are read from a film"
        with open_media(Path(film.media), mute=True) as reader:
            for start, end in film.clips.spans.tolist():
                try:
                    yield Rows(self._encode(self._pictures(reader, start, end)))
                except MediaError as error:
                    yield error.reason

    def _pictures(self, reader: MediaReader, start: float, end: float) -> NDArray[np.uint8]:
        # Beginning half a step into the clip puts the pictures into the middle of its equal parts.
        step = (end - start) / self._frames
        cut = reader.read_window(
            start + step / 2,
            self._frames,
            1 / step,
            1000,
            height=self._height,
            width=self._width,
            min_seconds=SHORTEST / 2,
            within=(start + step / 2, end),
        )
        assert cut.video is not None  # a muted reader has nothing else
        return cut.video

    @torch.no_grad()
    def _encode(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
        features = self._model(((pixels - self._mean) / self._std).to(self._device))
        return np.asarray(F.normalize(features.mean(dim=0, keepdim=True), dim=-1).cpu().numpy())


def _load(name: str, weights: Path | None) -> tuple[nn.Module, dict[str, Any]]:
    """The model without its classifier, and how it wants its pictures."""
    prepare_torchvision()
    import timm  # heavy, and needs the line above

    source = f"local-dir:{name}" if Path(name).is_dir() else name
    try:
        model: nn.Module = timm.create_model(source, pretrained=weights is None, num_classes=0)
        if weights is not None:
            _fill(model, timm.models.load_state_dict(str(weights), use_ema=False), weights)
    except UserError:
        raise
    except Exception as error:  # of timm, of the hub, of the network: they share no type
        raise UserError(
            f"The image encoder {name} cannot be had: {type(error).__name__}: {error}",
            "No clip would have features",
            "Name a model of timm whose weights are here or can be fetched, a folder that timm has saved, or give its "
            "weights with --image-weights",
        ) from error
    return model, timm.data.resolve_model_data_config(model)


def _fill(model: nn.Module, state: dict[str, torch.Tensor], file: Path) -> None:
    missing = [name for name in model.state_dict() if name not in state]
    if missing:
        raise UserError(
            f"{file} lacks {len(missing)} of the encoder's tensors, {missing[0]} among them",
            "They would stay random",
            "Give the weights of this very model",
        )
    model.load_state_dict({name: state[name] for name in model.state_dict()})
