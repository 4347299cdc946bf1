"""Features made again at every step, with gradient into the encoder, for training end to end."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vatt_harmony.align.features.kept import KeptMedia
from vatt_harmony.align.features.vatt import BATCH, Encoded, check_model, encode_clips, encode_texts
from vatt_harmony.align.sequence import AlignmentSequence, Stream, load_sequences
from vatt_harmony.downstream.export import model_code
from vatt_harmony.errors import UserError
from vatt_harmony.model.hf import VattModel
from vatt_harmony.model.loading import load_model
from vatt_harmony.model.processor import VattProcessor


class OnTheFly(nn.Module):
    """An exported encoder as the first part of an aligner, over folders prepared with --keep-media.

    Pieces are cut, shuffled and padded as ever, but from `numbered` sequences, whose only feature is the number of the
    item; `forward` turns a batch of numbers into features. The encoder stays in evaluation mode, so DropToken and
    dropout are off and batch norms keep their running statistics. `batch` windows at a time are computed, and again in
    the backward: their activations are not kept.
    """

    def __init__(
        self, encoder: Path, folders: Sequence[Path], device: str = "cpu", batch: int = BATCH, trained: bool = True
    ) -> None:
        """`trained` False: without gradient. Raises UserError for a folder without media of this encoder's windows."""
        super().__init__()
        model, processor = load_model(encoder, device)
        self.model: VattModel = model
        self.processor: VattProcessor = processor
        self.batch, self.trained = batch, trained
        self._kept = [KeptMedia.open(folder) for folder in folders]
        _check(encoder, processor, self._kept)
        self.sound, self.mode = bool(self._kept[0].options["sound"]), self._kept[0].options["mode"]
        check_model(model, self.sound)
        self._items: list[list[tuple[int, int, int]]] = [[], []]
        """Of each stream: folder, film and place of the item with that number."""

    def train(self, mode: bool = True) -> "OnTheFly":
        """The encoder itself stays in evaluation mode."""
        super().train(mode)
        self.model.eval()
        return self

    def numbered(self, folder: int) -> list[AlignmentSequence]:
        """The sequences of one of the folders, with item numbers [N, 1] as features and no joint ones."""
        return [
            replace(
                film,
                streams=tuple(self._number(stream, row, folder, number) for row, stream in enumerate(film.streams)),
            )
            for number, film in enumerate(load_sequences(self._kept[folder].folder))
        ]

    def forward(self, numbers: tuple[Tensor, ...], lengths: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Numbers [B, N_s, 1] of each stream, lengths [B, 2] -> features [B, N_s, D_s], joint features [B, N_s, J]."""
        features, joints = [], []
        for stream, own in enumerate(numbers):
            real = torch.arange(own.shape[1], device=lengths.device) < lengths[:, stream, None]
            # Not `requires_grad_(False)`: torch then takes other kernels, and the features differ in their last bits.
            with torch.set_grad_enabled(self.trained and torch.is_grad_enabled()):
                encoded = self._encode(stream, own[real].flatten().long().tolist())
            features.append(_padded(encoded.of(self.mode), real))
            joints.append(_padded(encoded.joint, real))
        return tuple(features), tuple(joints)

    @torch.no_grad()
    def encoded(self, sequences: Sequence[AlignmentSequence]) -> list[AlignmentSequence]:
        """Numbered sequences with the features that the encoder gives now, for validation."""
        return [
            replace(film, streams=tuple(self._filled(stream, row) for row, stream in enumerate(film.streams)))
            for film in sequences
        ]

    def save_pretrained(self, folder: Path) -> None:
        """Write the encoder as an export, to prepare other films with."""
        self.model.save_pretrained(folder)
        self.processor.save_pretrained(folder)
        for source in model_code():
            shutil.copyfile(source, folder / source.name)

    def _number(self, stream: Stream, row: int, folder: int, film: int) -> Stream:
        first = len(self._items[row])
        self._items[row] += [(folder, film, place) for place in range(len(stream))]
        return replace(stream, features=np.arange(first, first + len(stream), dtype=np.float32)[:, None], joint=None)

    def _encode(self, stream: int, numbers: Sequence[int]) -> Encoded:
        places = [self._items[stream][number] for number in numbers]
        if stream == 0:
            cuts = [self._kept[folder].cut(film, place) for folder, film, place in places]
            return encode_clips(self.model, cuts, self.sound, self.batch)
        chunks = [self._kept[folder].chunks(film, place) for folder, film, place in places]
        return encode_texts(self.model, chunks, self.batch)

    def _filled(self, stream: Stream, row: int) -> Stream:
        encoded = self._encode(row, stream.features[:, 0].astype(np.int64).tolist())
        features, joint = (rows.cpu().numpy() for rows in (encoded.of(self.mode), encoded.joint))
        return replace(stream, features=features, joint=joint)


def _padded(rows: Tensor, real: Tensor) -> Tensor:
    """Rows [n, D] at the n true places of `real` [B, N], zeros elsewhere."""
    padded = rows.new_zeros(*real.shape, rows.shape[1])
    padded[real] = rows
    return padded


def _check(encoder: Path, processor: VattProcessor, kept: Sequence[KeptMedia]) -> None:
    for each in kept:
        others = [name for name in ("mode", "sound") if each.options[name] != kept[0].options[name]]
        if others:
            raise UserError(
                f"{kept[0].folder} and {each.folder} were prepared with different options: {', '.join(others)}",
                "Training and validation would see different features",
                "Prepare both with the same options",
            )
        shown = list(each.cut(0, 0).video.shape[1:3])
        if shown != [processor.frames, processor.size]:
            raise UserError(
                f"{each.folder} holds windows of {shown[0]} frames, {shown[1]} pixels wide; {encoder} was trained on "
                f"{processor.frames} frames of {processor.size}",
                "It would see something else than it knows",
                "Prepare the films with this encoder",
            )
