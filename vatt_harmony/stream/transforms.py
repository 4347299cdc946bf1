"""Chance applied to a clip: where it is cropped, its mirror, its colours, the noise of its sound.

Every function takes the generator of its own purpose, so that switching one off does not change another.
"""

import math

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.media.picture import Box
from vatt_harmony.stream.config import StreamConfig

ATTEMPTS = 100
VGG_JITTER_CHANCE, VGG_JITTER = 0.8, (0.8, 1.2)
BRIGHTNESS, SATURATION, CONTRAST, HUE = 32 / 255, (0.6, 1.4), (0.6, 1.4), 0.2
# Rec. 601 luma and two chroma axes orthogonal to grey.
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_FROM_YIQ = np.linalg.inv(_TO_YIQ)


def crop_box(height: int, width: int, config: StreamConfig, generator: np.random.Generator) -> Box | None:
    """The box (y0, x0, y1, x1 as fractions) all frames are cropped to; None is the largest centred square."""
    if config.crop == "inception":
        return inception_box(height, width, config.crop_area, config.crop_aspect, generator)
    if config.crop == "vgg":
        return vgg_box(height, width, generator)
    return None


def inception_box(
    height: int,
    width: int,
    area: tuple[float, float],
    aspect: tuple[float, float],
    generator: np.random.Generator,
) -> Box:
    """A box of uniform area share and log-uniform aspect that fits; the whole picture after 100 misfits."""
    low, high = math.log(aspect[0]), math.log(aspect[1])
    for share, place in generator.random((ATTEMPTS, 2)):
        ratio = math.exp(low + (high - low) * place) * height / width
        covered = area[0] + (area[1] - area[0]) * share
        rows, columns = math.sqrt(covered / ratio), math.sqrt(covered * ratio)
        if rows <= 1 and columns <= 1:
            return _place(rows, columns, generator)
    return 0.0, 0.0, 1.0, 1.0


def vgg_box(height: int, width: int, generator: np.random.Generator) -> Box:
    """The square a random crop keeps after the picture was stretched by two factors and its short side fitted.

    With chance 0.8 height and width are stretched by independent factors in [0.8, 1.2] (released code).
    """
    if generator.random() < VGG_JITTER_CHANCE:
        stretched_height, stretched_width = np.array([height, width]) * generator.uniform(*VGG_JITTER, 2)
    else:
        stretched_height, stretched_width = float(height), float(width)
    side = min(stretched_height, stretched_width)
    return _place(side / stretched_height, side / stretched_width, generator)


def flip(video: NDArray[np.uint8], chance: float, generator: np.random.Generator) -> NDArray[np.uint8]:
    """`[T, H, W, 3]`, all frames mirrored or none."""
    if generator.random() >= chance:
        return video
    mirrored = np.empty_like(video)
    for channel in range(3):  # a third of the time of copying the mirrored view at once
        mirrored[..., channel] = video[:, :, ::-1, channel]
    return mirrored


def jitter_colour(video: NDArray[np.uint8], chance: float, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Brightness, saturation, contrast, hue on `[T, H, W, 3]`, the same for all frames, clipped once at the end.

    Each is affine in RGB (saturation and hue scale and turn the chroma plane of YIQ), so the four make one 3 x 3
    matrix and an offset: a tenth of the time of a pass through HSV.
    """
    if generator.random() >= chance:
        return video
    brightness = generator.uniform(-BRIGHTNESS, BRIGHTNESS) * 255
    saturation, contrast = generator.uniform(*SATURATION), generator.uniform(*CONTRAST)
    turn = 2 * math.pi * generator.uniform(-HUE, HUE)
    mean = _channel_means(video)
    saturate = _FROM_YIQ @ np.diag([1.0, saturation, saturation]) @ _TO_YIQ
    pivot = saturate @ (mean + brightness)
    cosine, sine = math.cos(turn), math.sin(turn)
    rotate = _FROM_YIQ @ np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]]) @ _TO_YIQ
    matrix = contrast * rotate @ saturate
    offset = rotate @ (contrast * (saturate @ np.full(3, brightness)) + (1 - contrast) * pivot)
    return _affine(video, matrix.astype(np.float32), offset.astype(np.float32))


def add_noise(audio: NDArray[np.float32], share: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """Gaussian noise of standard deviation `share` x the peak added to `[S]`, clipped to [-1, 1]."""
    if share == 0:
        return audio
    peak = np.float32(share * np.abs(audio).max())
    noisy = generator.standard_normal(audio.shape, np.float32)
    noisy *= peak
    noisy += audio
    return np.clip(noisy, -1.0, 1.0, out=noisy)


def _place(rows: float, columns: float, generator: np.random.Generator) -> Box:
    top, left = generator.random(2) * (1 - rows, 1 - columns)
    return float(top), float(left), float(top + rows), float(left + columns)


def _channel_means(video: NDArray[np.uint8]) -> NDArray[np.float64]:
    # Whole rows are added first, which runs 20 times as fast as a mean over all but the last axis.
    rows = video.reshape(video.shape[0] * video.shape[1], -1).sum(axis=0, dtype=np.uint64)
    means: NDArray[np.float64] = rows.reshape(-1, 3).mean(axis=0) / (video.shape[0] * video.shape[1])
    return means


def _affine(video: NDArray[np.uint8], matrix: NDArray[np.float32], offset: NDArray[np.float32]) -> NDArray[np.uint8]:
    # Frame by frame the floats stay in the cache of the processor, and 8 pixels a row (a block-diagonal matrix)
    # suit the matrix product better than one: 0.6 of the time.
    result = np.empty(video.shape, np.uint8)
    group = math.gcd(video.shape[1] * video.shape[2], 8)
    blocks = np.kron(np.eye(group, dtype=np.float32), matrix.T)
    offsets = np.tile(offset + np.float32(0.5), group)
    for frame, out in zip(video, result, strict=True):
        pixels = frame.reshape(-1, 3 * group).astype(np.float32) @ blocks
        pixels += offsets
        np.clip(pixels, 0, 255, out=pixels)
        out[...] = pixels.reshape(frame.shape)
    return result
