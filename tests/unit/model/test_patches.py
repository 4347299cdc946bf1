"""Linear maps of gathered patches equal strided convolutions with the same weights."""

import torch
from torch.nn.functional import conv1d, conv2d, conv3d, linear

from vatt_harmony.model.patches import gather_patches, spectrogram_patches, video_patches, waveform_patches

F64 = torch.float64


def test_video_equals_conv3d_and_floors() -> None:
    video = torch.rand(2, 9, 35, 33, 3, dtype=F64)
    kernel, bias = torch.rand(5, 4, 16, 16, 3, dtype=F64), torch.rand(5, dtype=F64)
    expected = conv3d(video.permute(0, 4, 1, 2, 3), kernel.permute(0, 4, 1, 2, 3), bias, stride=(4, 16, 16))
    patches = gather_patches(video_patches(video, (4, 16, 16)), 3, None)
    torch.testing.assert_close(linear(patches, kernel.flatten(1), bias), expected.flatten(2).mT)


def test_waveform_equals_conv1d() -> None:
    audio, kernel, bias = torch.rand(2, 1000, dtype=F64), torch.rand(5, 1, 128, dtype=F64), torch.rand(5, dtype=F64)
    patches = gather_patches(waveform_patches(audio, 128), 1, None)
    expected = conv1d(audio[:, None], kernel, bias, stride=128).mT
    torch.testing.assert_close(linear(patches, kernel.flatten(1), bias), expected)


def test_spectrogram_equals_conv2d() -> None:
    spectrogram, kernel = torch.rand(2, 150, 80, dtype=F64), torch.rand(5, 1, 16, 5, dtype=F64)
    expected = conv2d(spectrogram[:, None], kernel, stride=(16, 5))
    assert expected.shape[2:] == (9, 16)
    patches = gather_patches(spectrogram_patches(spectrogram, (16, 5)), 2, None)
    torch.testing.assert_close(linear(patches, kernel.flatten(1)), expected.flatten(2).mT)


def test_gathering_before_equals_after() -> None:
    patches = video_patches(torch.rand(2, 8, 32, 48, 3, dtype=F64), (4, 16, 16))
    index = torch.tensor([[11, 0, 5], [2, 3, 7]])
    rows = torch.arange(2)[:, None]
    assert torch.equal(gather_patches(patches, 3, index), gather_patches(patches, 3, None)[rows, index])
