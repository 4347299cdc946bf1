"""Pixels and sound as encoders read them."""

import math

import pytest
import torch

from vatt_harmony.finetune.config import AudioConfig, VideoConfig
from vatt_harmony.finetune.models.frontends import Frames, Sound


def test_frames_have_mean_0_and_deviation_1_of_the_configured_colours() -> None:
    video = torch.tensor([[0, 128, 255]], dtype=torch.uint8).expand(1, 2, 4, 5, 3)
    shown = Frames(VideoConfig())(video)
    assert shown.shape == (1, 2, 3, 4, 5)
    expected = [(0 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    torch.testing.assert_close(shown[0, 1, :, 2, 3], torch.tensor(expected))
    assert Frames(VideoConfig()).bfloat16()(video).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("rate", "seconds", "hop", "center", "frames"),
    # CREMA-D and UCF101: a hop of 353. AVE: windows that overlap by 353 of 512 samples, none beyond the ends.
    [(22050, 3.0, 353, True, 188), (16000, 3.0, 353, True, 136), (16000, 10.0, 512 - 353, False, 1004)],
)
def test_the_spectrogram_has_the_published_shape(
    rate: int, seconds: float, hop: int, center: bool, frames: int
) -> None:
    sound = Sound(AudioConfig(sample_rate=rate, seconds=seconds, hop=hop, center=center, view="spectrogram"))
    assert sound(torch.zeros(1, sound.config.samples)).shape == (1, frames, 257) == (1, sound.frames, sound.width)


def test_the_spectrogram_is_the_log_of_the_magnitude() -> None:
    config = AudioConfig(sample_rate=8000, seconds=0.5, n_fft=256, hop=64, view="spectrogram")
    times = torch.arange(config.samples) / 8000
    tone = Sound(config)(torch.sin(2 * math.pi * 1000 * times)[None])[0]  # 1000 Hz is bin 32 of 256 / 8000 Hz
    assert tone[30].argmax() == 32
    # A Hann window of n samples sums to n / 2, a sine of amplitude 1 has half of it in each of its two bins.
    assert tone[30, 32].exp().item() == pytest.approx(256 / 4, rel=1e-3)
    level = Sound(config)(torch.ones(1, config.samples))[0, :, 0].exp()  # half of the first frame lies before the clip
    assert level[0].item() == pytest.approx(level[30].item() / 2, rel=0.02)
    silence = Sound(config)(torch.zeros(1, config.samples))
    torch.testing.assert_close(silence, torch.full_like(silence, math.log(1e-7)))


def test_mel_bands_lie_between_their_edges_and_rise_with_the_pitch() -> None:
    config = AudioConfig(sample_rate=8000, seconds=0.5, n_fft=256, hop=64, mels=20, f_min=100, f_max=3000)
    times = torch.arange(config.samples) / 8000
    loudest = [
        int(Sound(config)(torch.sin(2 * math.pi * pitch * times)[None])[0, 30].argmax()) for pitch in (200, 800, 2500)
    ]
    assert loudest == sorted(loudest) and len(set(loudest)) == 3


def test_sound_beyond_full_scale_is_cut() -> None:
    config = AudioConfig(seconds=0.1, view="waveform")
    loud = torch.tensor([[2.0, -3.0, 0.5]])
    torch.testing.assert_close(Sound(config)(loud), torch.tensor([[1.0, -1.0, 0.5]]))


@pytest.mark.parametrize("view", ["waveform", "logmel"])
def test_each_clip_is_normalised_by_itself(view: str) -> None:
    config = AudioConfig(sample_rate=8000, seconds=0.5, n_fft=256, hop=64, normalise="sample", view=view)  # type: ignore[arg-type]
    audio = torch.randn(2, config.samples, generator=torch.Generator().manual_seed(0)) * torch.tensor([[0.01], [0.2]])
    heard = Sound(config)(audio).flatten(1)
    torch.testing.assert_close(heard.mean(1), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(heard.std(1), torch.ones(2), atol=1e-3, rtol=0)
    assert Sound(config)(torch.zeros(1, config.samples)).isfinite().all()


def test_statistics_of_a_set_are_those_of_all_its_values_and_are_saved() -> None:
    config = AudioConfig(sample_rate=8000, seconds=0.5, view="waveform", normalise="set")
    audio = torch.rand(6, config.samples, generator=torch.Generator().manual_seed(0)) * 0.5
    sound = Sound(config)
    sound.measure([audio[:1], audio[1:]])
    heard = sound(audio)
    assert heard.mean().item() == pytest.approx(0, abs=1e-5)
    assert heard.std().item() == pytest.approx(1, abs=1e-4)
    other = Sound(config)
    other.load_state_dict(sound.state_dict())
    assert torch.equal(other(audio), heard)
    with pytest.raises(ValueError, match="no batch"):
        sound.measure([])


def test_spectrograms_keep_their_precision_under_autocast() -> None:
    config = AudioConfig(sample_rate=8000, seconds=0.5, n_fft=256, hop=64)
    audio = torch.rand(1, config.samples, generator=torch.Generator().manual_seed(0)) * 0.1
    with torch.autocast("cpu", torch.bfloat16):
        heard = Sound(config)(audio)
    assert torch.equal(heard, Sound(config)(audio))
