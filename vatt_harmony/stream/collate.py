"""Examples to a batch: rows stacked, what is missing left as zeros under a mask."""

from collections.abc import Sequence

import numpy as np
import torch

from vatt_harmony.stream.batch import Batch
from vatt_harmony.stream.config import StreamConfig
from vatt_harmony.stream.sample import Example
from vatt_harmony.stream.tokenizer import Tokenizer


def collate(
    examples: Sequence[Example | None],
    sources: Sequence[str],
    seeds: Sequence[int],
    positions: Sequence[int],
    config: StreamConfig,
    tokenizer: Tokenizer,
    drops: dict[str, int],
) -> Batch:
    """Stack B examples; None is a row without any modality (padding, or a broken clip in an evaluation).

    A candidate of which nothing is left after tokenising is masked, as is one that is not there.
    """
    rows = len(examples)
    video = np.zeros((rows, config.frames, config.size, config.size, 3), np.uint8)
    audio = np.zeros((rows, config.samples), np.float32)
    text = np.zeros((rows, config.candidates, config.words), np.int64)
    masks = np.zeros((2, rows), bool)
    for row, example in enumerate(examples):
        if example is None:
            continue
        if example.video is not None:
            video[row], masks[0, row] = example.video, True
        if example.audio is not None:
            audio[row], masks[1, row] = example.audio, True
        text[row, : len(example.sentences)] = tokenizer.encode(example.sentences)
    return Batch(
        video=torch.from_numpy(video),
        audio=torch.from_numpy(audio),
        text=torch.from_numpy(text),
        video_mask=torch.from_numpy(masks[0]),
        audio_mask=torch.from_numpy(masks[1]),
        text_mask=torch.from_numpy((text != 0).any(axis=-1)),
        seed=torch.tensor(seeds, dtype=torch.int64),
        position=torch.tensor(positions, dtype=torch.int64),
        keys=[example.key if example is not None else "" for example in examples],
        sources=list(sources),
        drops=drops,
    )
