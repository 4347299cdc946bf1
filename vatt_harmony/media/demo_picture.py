"""The pictures of a demo clip: one bright shape that moves or changes its size over a grey background."""

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.media.demo_attributes import Attributes

Field = NDArray[np.floating]

RGB = {
    "red": (235, 30, 30),
    "green": (30, 200, 50),
    "blue": (40, 80, 245),
    "yellow": (245, 220, 30),
    "purple": (190, 50, 220),
    "white": (245, 245, 245),
}
RADIUS = {"small": 0.2, "large": 0.34}
"""Half the shape's width as a fraction of the picture's side."""
TRAVEL = 0.5
"""Way of a moving shape's centre, as a fraction of the picture's side."""
SCALES = (0.45, 1.35)
"""A growing shape's size at its first and last frame; a shrinking one's the other way round."""


def draw_clip(attributes: Attributes, frames: int, size: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Pictures uint8 `[T, size, size, 3]`; place, tilt, brightness, background and grain vary with the generator."""
    progress = np.linspace(0.0, 1.0, frames, dtype=np.float32)
    x, y, scale = _path(attributes.motion, progress, generator)
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size
    radius = (RADIUS[attributes.size] * generator.uniform(0.95, 1.05) * scale)[:, None, None]
    across = (axis[None, None, :] - x[:, None, None]) / radius
    along = (axis[None, :, None] - y[:, None, None]) / radius
    tilt = np.float32(generator.uniform(-0.1, 0.1))
    distance = _distance(
        attributes.form,
        np.cos(tilt) * across - np.sin(tilt) * along,
        np.sin(tilt) * across + np.cos(tilt) * along,
    )
    # One pixel wide soft edges, so that motion of less than a pixel is visible.
    cover = np.clip(0.5 - distance * radius * size, 0.0, 1.0)[..., None]
    colour = np.asarray(RGB[attributes.colour], np.float32) * np.float32(generator.uniform(0.85, 1.0))
    background = _background(axis, generator)
    pixels = background + cover * (colour - background)
    pixels += generator.normal(0.0, 3.0, (size, size, 1)).astype(np.float32)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def spoil_picture(video: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """The same pictures dark, blurred over five pixels and noisy; uint8 `[T, H, W, 3]`."""
    pixels = video.astype(np.float32) * np.float32(generator.uniform(0.3, 0.4))
    for axis in (1, 2):
        pixels = np.mean([np.roll(pixels, shift, axis) for shift in range(-2, 3)], axis=0)
    # The noise of one frame, moved on for the others: as good to the eye, and 30 times cheaper.
    grain = generator.normal(0.0, 15.0, (2 * video.shape[1], *video.shape[2:])).astype(np.float32)
    offsets = generator.integers(0, video.shape[1], len(video))
    noise = np.stack([grain[offset : offset + video.shape[1]] for offset in offsets])
    spoilt: NDArray[np.uint8] = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return spoilt


def _path(motion: str, progress: Field, generator: np.random.Generator) -> tuple[Field, Field, Field]:
    """Centre x, y and scale of the shape in every frame."""
    across, along = (np.full_like(progress, generator.uniform(0.46, 0.54)) for _ in range(2))
    still = np.ones_like(progress)
    way = 0.5 + TRAVEL * (progress - 0.5)
    match motion:
        case "right":
            return way, along, still
        case "left":
            return 1 - way, along, still
        case "down":
            return across, way, still
        case "up":
            return across, 1 - way, still
    change = progress if motion == "grow" else 1 - progress
    return across, along, SCALES[0] + (SCALES[1] - SCALES[0]) * change


def _distance(form: str, x: Field, y: Field) -> Field:
    """Signed distance to the outline of a form of half-width 1, negative inside."""
    distance: Field
    wide, thin = np.maximum(np.abs(x), np.abs(y)), np.minimum(np.abs(x), np.abs(y))
    match form:
        case "circle":
            distance = np.hypot(x, y) - 1
        case "ring":
            distance = np.abs(np.hypot(x, y) - 0.8) - 0.22
        case "square":
            distance = wide - 0.9
        case "cross":
            distance = np.maximum(wide - 1, thin - 0.3)
        case "triangle":
            distance = np.maximum(0.894 * np.abs(x) - 0.447 * (y + 1), y - 0.75)
        case _:
            distance = _star(np.hypot(x, y), np.arctan2(x, -y))
    return distance


def _star(radius: Field, angle: Field) -> Field:
    """Distance to the edge between a ray's tip at radius 1 and the notch at 0.4, all ten edges folded onto one."""
    step = 2 * np.pi / 5
    folded = np.abs((angle + step / 2) % step - step / 2)
    distance: Field = 0.328 * (radius * np.cos(folded) - 1) + 0.945 * radius * np.sin(folded)
    return distance


def _background(axis: Field, generator: np.random.Generator) -> Field:
    """A grey, slightly tinted gradient `[1, H, W, 3]`."""
    tint = generator.uniform(105, 135, 3).astype(np.float32)
    slope = generator.uniform(-20, 20, 2).astype(np.float32)
    gradient = slope[0] * (axis[None, :] - 0.5) + slope[1] * (axis[:, None] - 0.5)
    background: Field = (tint + gradient[..., None])[None]
    return background
