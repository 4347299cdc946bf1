"""Cut media into patches; keeping some of them before the embedding costs only those (equal to a convolution)."""

from collections.abc import Sequence

import torch
from torch import Tensor


def video_patches(video: Tensor, patch: Sequence[int]) -> Tensor:
    """`[N, T, H, W, 3]` as `[N, t, h, w, pt, ph, pw, 3]`; what fills no whole patch is left out, nothing is copied."""
    for axis, length in enumerate(patch, start=1):
        video = video.unfold(axis, length, length)
    return video.permute(0, 1, 2, 3, 5, 6, 7, 4)


def waveform_patches(audio: Tensor, patch: int) -> Tensor:
    """`[N, S]` as `[N, S // patch, patch]`."""
    return audio.unfold(1, patch, patch)


def spectrogram_patches(spectrogram: Tensor, patch: Sequence[int]) -> Tensor:
    """`[N, frames, mels]` as `[N, t, m, pt, pm]`."""
    return spectrogram.unfold(1, patch[0], patch[0]).unfold(2, patch[1], patch[1])


def gather_patches(patches: Tensor, axes: int, index: Tensor | None) -> Tensor:
    """Patches `[N, *grid, *patch]` with `axes` grid axes at token numbers `index [N, K]` (None: all) as `[N, K, P]`.

    Token numbers are row-major over the grid. Nothing but the kept patches is copied.
    """
    grid = patches.shape[1 : 1 + axes]
    if index is None:
        return patches.flatten(1 + axes).flatten(1, axes)
    rows = torch.arange(len(patches), device=patches.device)[:, None]
    places = []
    for rows_of_axis in reversed(grid):
        places.append(index % rows_of_axis)
        index = index // rows_of_axis
    return patches[(rows, *reversed(places))].flatten(2)
