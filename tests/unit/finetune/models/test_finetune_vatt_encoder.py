"""One branch of an exported VATT as the encoder of a modality."""

from pathlib import Path
from typing import Any

import pytest
import torch
from support.exports import STREAM, make_export
from torch import Tensor

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import AudioConfig, EncoderConfig, InputsConfig, Modality, TextConfig, VideoConfig
from vatt_harmony.finetune.models.encoder import build_encoder
from vatt_harmony.finetune.models.vatt_encoder import VattEncoder
from vatt_harmony.model.vatt import Vatt

INPUTS = InputsConfig(
    video=VideoConfig(frames=STREAM.frames, size=32),
    audio=AudioConfig(view="waveform", sample_rate=8000, seconds=1.0, normalise="sample"),
    text=TextConfig(words=STREAM.words),
)
BRANCHES: tuple[Modality, ...] = ("video", "audio", "text")


def media() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(1, 30, (3, STREAM.words), generator=generator)
    text[0, 2:] = 0
    return {
        "video": torch.randint(0, 256, (3, STREAM.frames, 32, 32, 3), dtype=torch.uint8, generator=generator),
        "audio": torch.rand(3, STREAM.samples, generator=generator) - 0.5,
        "text": text,
    }


@pytest.fixture(scope="module", params=["agnostic", "specific"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Vatt, Path]:
    return make_export(tmp_path_factory.mktemp("export"), kind=request.param, sound="waveform")


def config(place: Path, **changes: Any) -> EncoderConfig:
    return EncoderConfig(kind="vatt", weights=str(place), **changes)


@pytest.mark.parametrize("branch", BRANCHES)
def test_the_pooled_feature_is_that_of_the_tower_after_its_norm(exported: tuple[Vatt, Path], branch: Modality) -> None:
    vatt, place = exported
    encoder = VattEncoder(config(place), branch, INPUTS, read_tokens=False).train()  # no DropToken, also when training
    with torch.no_grad():
        pooled, tokens, _ = encoder(media()[branch])
        z = vatt(**{branch: media()[branch]})[branch]
    norms = vatt.head_stage.norms
    torch.testing.assert_close(pooled, norms["shared" if "shared" in norms else branch](z))
    assert pooled.shape == (3, encoder.width) and tokens is None
    assert not any("head" in name or "post" in name for name, _ in encoder.named_parameters())


@pytest.mark.parametrize("branch", BRANCHES)
def test_all_tokens_are_there_where_the_fusion_reads_them(exported: tuple[Vatt, Path], branch: Modality) -> None:
    place = exported[1]
    with torch.no_grad():
        pooled, tokens, mask = VattEncoder(config(place), branch, INPUTS, read_tokens=True)(media()[branch])
        alone = VattEncoder(config(place), branch, INPUTS, read_tokens=False)(media()[branch]).pooled
    torch.testing.assert_close(pooled, alone)
    torch.testing.assert_close(tokens[:, 0], pooled)
    counts = {"video": 1 + 2 * 2 * 2, "text": 1 + STREAM.words}
    assert tokens.shape[1] == counts.get(branch, tokens.shape[1]) > 1
    if branch == "text":
        assert mask[0].tolist() == [True, True, True, *[False] * (STREAM.words - 2)]
    else:
        assert mask is None


def test_the_shape_may_be_taken_without_the_weights(exported: tuple[Vatt, Path]) -> None:
    place = exported[1]
    fresh = VattEncoder(config(place, pretrained=False), "video", INPUTS, read_tokens=False)
    assert not torch.allclose(
        fresh(media()["video"]).pooled, VattEncoder(config(place), "video", INPUTS, False)(media()["video"]).pooled
    )


def test_other_sound_is_refused(exported: tuple[Vatt, Path]) -> None:
    place = exported[1]
    with pytest.raises(UserError, match="this VATT hears 8000 Hz"):
        inputs = InputsConfig(audio=AudioConfig(view="waveform"))
        build_encoder(config(place), "audio", inputs, read_tokens=False)
    with pytest.raises(UserError, match=r"inputs\.audio\.view is logmel"):
        build_encoder(config(place), "audio", InputsConfig(), read_tokens=False)
    encoder = build_encoder(config(place), "audio", INPUTS, read_tokens=False)
    sound = media()["audio"]
    assert torch.equal(encoder.frontend(sound), sound)  # as in pretraining


def test_too_few_frames_and_too_many_words_are_told(exported: tuple[Vatt, Path]) -> None:
    vatt, place = exported
    with pytest.raises(UserError, match="gives 1 x 8 x 32; a patch of this VATT is 2 x 16 x 16"):
        VattEncoder(config(place), "video", InputsConfig(video=VideoConfig(frames=1, size=(8, 32))), False)
    inputs = InputsConfig(text=TextConfig(words=STREAM.words + 1))
    if vatt.config.kind == "agnostic":
        with pytest.raises(UserError, match="sentences of at most 6"):
            VattEncoder(config(place), "text", inputs, False)
    else:  # its positions are relative
        VattEncoder(config(place), "text", inputs, False)


def test_checkpointing_changes_no_token_and_no_gradient(tmp_path: Path) -> None:
    _, place = make_export(tmp_path, kind="specific", checkpointing=True)
    gradients = []
    for training in (False, True):  # checkpoints are taken in training mode alone
        encoder = VattEncoder(config(place), "text", INPUTS, read_tokens=True).train(training)
        output = encoder(media()["text"])
        output.tokens.square().sum().backward()
        gradients.append({name: p.grad for name, p in encoder.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys() and len(gradients[0]) > 10
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient)
