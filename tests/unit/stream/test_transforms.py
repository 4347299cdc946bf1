"""Crops, mirrors, colours and noise: their ranges, and the reference each fast form stands for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.stream.conftest import small
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.stream import transforms
from vatt_harmony.stream.transforms import add_noise, crop_box, flip, inception_box, jitter_colour, vgg_box

VIDEO = np.random.default_rng(0).integers(60, 180, (4, 8, 10, 3), dtype=np.uint8)
pixels = st.integers(8, 2000)


@given(pixels, pixels, st.integers(0, 2**60))
def test_inception_boxes_keep_area_and_aspect(height, width, seed):
    box = inception_box(height, width, (0.08, 1.0), (0.5, 2.0), keyed_generator(seed))
    y0, x0, y1, x1 = box
    assert 0 <= y0 < y1 <= 1 + 1e-9 and 0 <= x0 < x1 <= 1 + 1e-9
    if box != (0.0, 0.0, 1.0, 1.0):
        assert 0.08 - 1e-9 <= (y1 - y0) * (x1 - x0) <= 1 + 1e-9
        assert 0.5 - 1e-9 <= (x1 - x0) * width / ((y1 - y0) * height) <= 2 + 1e-9


def test_a_picture_no_box_fits_is_taken_whole():
    assert inception_box(10, 1000, (0.9, 1.0), (0.5, 2.0), keyed_generator(0)) == (0.0, 0.0, 1.0, 1.0)


@given(pixels, pixels, st.integers(0, 2**60))
def test_vgg_boxes_are_inside_and_near_square(height, width, seed):
    y0, x0, y1, x1 = vgg_box(height, width, keyed_generator(seed))
    assert 0 <= y0 < y1 <= 1 + 1e-9 and 0 <= x0 < x1 <= 1 + 1e-9
    assert 0.8 / 1.2 - 1e-9 <= (x1 - x0) * width / ((y1 - y0) * height) <= 1.2 / 0.8 + 1e-9
    assert max(y1 - y0, x1 - x0) == pytest.approx(1)


def test_crop_follows_the_config():
    assert crop_box(100, 200, small(crop="center"), keyed_generator(0)) is None
    narrow = small(crop_area=(0.25, 0.25), crop_aspect=(1.0, 1.0))
    y0, x0, y1, x1 = crop_box(100, 100, narrow, keyed_generator(0))
    assert (y1 - y0, x1 - x0) == pytest.approx((0.5, 0.5))


def test_a_flip_mirrors_all_frames_and_happens_half_of_the_time():
    assert (flip(VIDEO, 1.0, keyed_generator(0)) == VIDEO[:, :, ::-1]).all()
    assert flip(VIDEO, 0.0, keyed_generator(0)) is VIDEO
    flipped = sum(flip(VIDEO, 0.5, keyed_generator(seed)) is not VIDEO for seed in range(1000))
    assert 450 < flipped < 550


def reference_colour(video, generator):
    """The chain of the specification step by step in float64, clipped at the end."""
    generator.random()
    x = video.astype(np.float64)
    x = x + generator.uniform(-transforms.BRIGHTNESS, transforms.BRIGHTNESS) * 255
    saturation, contrast = generator.uniform(*transforms.SATURATION), generator.uniform(*transforms.CONTRAST)
    angle = 2 * np.pi * generator.uniform(-transforms.HUE, transforms.HUE)
    yiq = x @ transforms._TO_YIQ.T
    yiq[..., 1:] *= saturation
    x = yiq @ transforms._FROM_YIQ.T
    mean = x.mean(axis=(0, 1, 2))
    x = (x - mean) * contrast + mean
    yiq = x @ transforms._TO_YIQ.T
    chroma = (yiq[..., 1] + 1j * yiq[..., 2]) * np.exp(1j * angle)
    yiq[..., 1], yiq[..., 2] = chroma.real, chroma.imag
    return np.clip(yiq @ transforms._FROM_YIQ.T, 0, 255)


@pytest.mark.parametrize("seed", range(8))
def test_one_affine_map_is_the_chain_of_four(seed):
    fast = jitter_colour(VIDEO, 1.0, keyed_generator(seed))
    assert np.abs(fast - reference_colour(VIDEO, keyed_generator(seed))).max() <= 0.51


def test_grey_keeps_its_hue_and_saturation():
    grey = np.full((2, 4, 4, 3), 100, np.uint8)
    for seed in range(10):
        out = jitter_colour(grey, 1.0, keyed_generator(seed)).astype(int)
        assert np.ptp(out) <= 1
        assert abs(out.mean() - 100) <= 33


def test_colour_has_its_chance():
    changed = sum(jitter_colour(VIDEO, 0.8, keyed_generator(seed)) is not VIDEO for seed in range(500))
    assert 360 < changed < 440


def test_noise_is_a_hundredth_of_the_peak_and_stays_in_range():
    audio = np.linspace(-0.5, 0.5, 20000, dtype=np.float32)
    noise = add_noise(audio, 0.01, keyed_generator(0)) - audio
    assert noise.std() == pytest.approx(0.005, rel=0.05)
    assert np.abs(add_noise(audio * 2, 0.5, keyed_generator(0))).max() <= 1
    assert add_noise(audio, 0.0, keyed_generator(0)) is audio
