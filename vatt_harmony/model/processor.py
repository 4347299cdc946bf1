"""Turns frames, waveforms and sentences into the tensors a `VattModel` takes, exactly as in pretraining."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F
from transformers import BatchFeature
from transformers.utils import PushToHubMixin, cached_file

CONFIG_NAME = "processor_config.json"
TOKENIZER_NAME = "tokenizer.json"


class VattProcessor(PushToHubMixin):  # type: ignore[misc]
    """Prepare clips for a `VattModel`.

    `frames` at `fps` pictures a second of `size` x `size` pixels, the sound of the same time at `sample_rate` Hz,
    sentences of at most `words` tokens. The tokenizer normalises sentences itself; its id 0 is the padding.
    """

    def __init__(
        self, tokenizer: Tokenizer, *, frames: int, fps: float, size: int, sample_rate: int, words: int
    ) -> None:
        self.tokenizer = tokenizer
        self.frames, self.fps, self.size = frames, fps, size
        self.sample_rate, self.words = sample_rate, words

    @property
    def samples(self) -> int:
        """Length of the waveform of one clip."""
        return round(self.frames / self.fps * self.sample_rate)

    def __call__(
        self,
        video: Any = None,
        audio: Any = None,
        text: str | Sequence[str] | None = None,
        *,
        sampling_rate: int | None = None,
    ) -> BatchFeature:
        """Keyword arguments for `VattModel`: those of `video`, `audio`, `input_ids` whose input is given.

        `video`: one clip [T, H, W, 3] uint8 at `fps`, or a batch or list of them (sizes may differ).
        `audio`: one mono waveform [S] at `sampling_rate` Hz (int16, or float in [-1, 1]), or a batch or list.
        A longer clip gives its middle window, a shorter one is repeated; the shorter side becomes `size`, then the
        centre is cropped. Raises ValueError for anything else.
        """
        data: dict[str, Tensor] = {}
        if video is not None:
            data["video"] = torch.stack([self._clip(clip) for clip in _items(video, 4)])
        if audio is not None:
            self._check_rate(sampling_rate)
            data["audio"] = torch.stack([self._waveform(wave) for wave in _items(audio, 1)])
        if text is not None:
            data["input_ids"] = self.encode([text] if isinstance(text, str) else list(text))
        return BatchFeature(data)

    def encode(self, sentences: Sequence[str]) -> Tensor:
        """Token ids int64 [N, words] of the sentences; 0 pads."""
        ids = torch.zeros(len(sentences), self.words, dtype=torch.int64)
        for row, encoding in zip(
            ids, self.tokenizer.encode_batch(list(sentences), add_special_tokens=False), strict=True
        ):
            kept = torch.tensor(encoding.ids[: self.words], dtype=torch.int64)
            row[: len(kept)] = kept
        return ids

    def save_pretrained(self, save_directory: str | os.PathLike[str], **_: Any) -> list[str]:
        """Write processor_config.json and tokenizer.json into a folder; returns their paths."""
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG_NAME).write_text(json.dumps(self.to_dict(), indent=2) + "\n")
        self.tokenizer.save(str(folder / TOKENIZER_NAME))
        return [str(folder / CONFIG_NAME), str(folder / TOKENIZER_NAME)]

    @classmethod
    def from_pretrained(cls, name_or_path: str | os.PathLike[str], **kwargs: Any) -> "VattProcessor":
        """Read a processor from a folder or a repository of the Hub."""
        hub = {key: kwargs[key] for key in ("cache_dir", "revision", "token", "local_files_only") if key in kwargs}
        config = json.loads(Path(cached_file(name_or_path, CONFIG_NAME, **hub)).read_text())
        tokenizer = Tokenizer.from_file(cached_file(name_or_path, TOKENIZER_NAME, **hub))
        names = ("frames", "fps", "size", "sample_rate", "words")
        return cls(tokenizer, **{name: config[name] for name in names})

    def to_dict(self) -> dict[str, Any]:
        """What processor_config.json holds."""
        return {
            "processor_class": "VattProcessor",
            "auto_map": {"AutoProcessor": "processor.VattProcessor"},
            "frames": self.frames,
            "fps": self.fps,
            "size": self.size,
            "sample_rate": self.sample_rate,
            "words": self.words,
        }

    @classmethod
    def register_for_auto_class(cls, auto_class: str = "AutoProcessor") -> None:
        """Called by AutoProcessor for code that came with a model; the class names itself in `to_dict`."""

    def _check_rate(self, sampling_rate: int | None) -> None:
        if sampling_rate != self.sample_rate:
            given = "not given" if sampling_rate is None else f"{sampling_rate} Hz"
            raise ValueError(
                f"sampling_rate is {given}, but this model hears {self.sample_rate} Hz. Other rates would shift "
                f"every pitch. Resample the waveform and pass sampling_rate={self.sample_rate}."
            )

    def _clip(self, clip: Any) -> Tensor:
        frames = torch.as_tensor(np.asarray(clip) if not isinstance(clip, Tensor) else clip)
        if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or not frames.numel():
            raise ValueError(
                f"A clip is uint8 [T, H, W, 3]; this one is {frames.dtype} {list(frames.shape)}. Its colours or axes "
                "would be misread. Give frames as a decoder yields them, without scaling or transposing."
            )
        return _square(_window(frames, self.frames), self.size)

    def _waveform(self, wave: Any) -> Tensor:
        sound = torch.as_tensor(np.asarray(wave) if not isinstance(wave, Tensor) else wave)
        if sound.dtype == torch.int16:
            sound = sound.float() / 32768
        if not sound.is_floating_point() or sound.ndim != 1 or not sound.numel():
            raise ValueError(
                f"A waveform is [S], int16 or float; this one is {sound.dtype} {list(sound.shape)}. Channels would "
                "be read as clips. Mix them to mono first, for example with wave.mean(axis=0)."
            )
        return _window(sound.float(), self.samples)


def _items(value: Any, dimensions: int) -> list[Any]:
    """A list of single items, from a list of them, a batch, or one item of `dimensions` axes."""
    if isinstance(value, (Mapping, str, bytes)):
        raise ValueError(f"Expected arrays, got {type(value).__name__}. Nothing can be read from it. Decode it first.")
    if isinstance(value, (list, tuple)) and value and getattr(value[0], "ndim", 0) == dimensions:
        return list(value)
    array = value if isinstance(value, Tensor) else np.asarray(value)
    return [array] if array.ndim <= dimensions else list(array)


def _window(x: Tensor, length: int) -> Tensor:
    """The middle `length` entries along the first axis, the sequence repeated where it is shorter."""
    if len(x) < length:
        repeats = -(-length // len(x))
        return x.repeat(repeats, *[1] * (x.ndim - 1))[:length]
    start = (len(x) - length) // 2
    return x[start : start + length]


def _square(frames: Tensor, size: int) -> Tensor:
    """Scale the shorter side of uint8 [T, H, W, 3] to `size`, antialiased, and crop the centre."""
    height, width = frames.shape[1:3]
    scale = size / min(height, width)
    target = (max(size, round(height * scale)), max(size, round(width * scale)))
    if target != (height, width):
        channels_first = frames.permute(0, 3, 1, 2).float()
        scaled = F.interpolate(channels_first, target, mode="bilinear", antialias=True, align_corners=False)
        frames = scaled.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
    top, left = (target[0] - size) // 2, (target[1] - size) // 2
    return frames[:, top : top + size, left : left + size].contiguous()
