"""Image networks over frames and spectrograms."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from support.finetune_models import CNN, VIT, clips, finetune_config

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import EncoderConfig
from vatt_harmony.finetune.models.encoder import build_encoder
from vatt_harmony.finetune.models.timm_encoder import TimmEncoder, timm_encoder


def encoder(channels: int = 3, size: tuple[int, int] = (32, 32), **changes: Any) -> TimmEncoder:
    torch.manual_seed(0)
    return timm_encoder(EncoderConfig(**{**CNN, **changes}), channels, size).eval()


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("channels", "count"), [(3, 11_176_512), (1, 11_170_240)])
def test_resnet18_is_that_of_the_papers(channels: int, count: int) -> None:
    resnet = encoder(channels, name="resnet18", init="kaiming")
    assert (resnet.width, parameters(resnet)) == (512, count)
    assert resnet.network.conv1.in_channels == channels
    # Kaiming by fan-out: variance 2 / (64 output channels x 7 x 7); batch-norm weights N(1, 0.02).
    assert resnet.network.conv1.weight.std().item() == pytest.approx((2 / (64 * 49)) ** 0.5, rel=0.05)
    norms = torch.cat([m.weight for m in resnet.modules() if isinstance(m, torch.nn.BatchNorm2d)])
    assert norms.mean().item() == pytest.approx(1, abs=2e-3) and norms.std().item() == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize(("name", "tokens"), [("test_resnet", 1), ("test_vit", 5), ("test_convnext", 1)])
def test_frames_are_pooled_over_space_and_time(name: str, tokens: int) -> None:
    network = encoder(name=name)
    x = torch.rand(2, 3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = network(x)
        single = [network(x[:, frame : frame + 1]) for frame in range(3)]
    assert whole.pooled.shape == (2, network.width)
    assert whole.tokens is not None and whole.tokens.shape == (2, 3 * tokens, network.token_width)
    torch.testing.assert_close(whole.pooled, torch.stack([one.pooled for one in single]).mean(0))
    torch.testing.assert_close(whole.tokens, torch.cat([one.tokens for one in single], dim=1))


def test_a_spectrogram_is_one_picture_with_frequency_upwards() -> None:
    network = encoder(1)
    x = torch.rand(2, 40, 32, generator=torch.Generator().manual_seed(0))  # 40 frames of 32 bands
    with torch.no_grad():
        torch.testing.assert_close(network(x).pooled, network(x.mT[:, None, None]).pooled)


def test_a_vision_transformer_takes_the_size_of_its_input() -> None:
    config = finetune_config({"audio": VIT}, audio={"hop": 127})  # 32 mel bands x 32 frames
    built = build_encoder(EncoderConfig(**VIT), "audio", config.inputs, read_tokens=False)
    assert built(clips()["audio"]).pooled.shape == (3, 64)


@pytest.mark.parametrize("channels", [3, 1])
def test_weights_come_from_a_file_or_folder_without_the_classifier(channels: int, tmp_path: Path) -> None:
    import timm

    torch.manual_seed(5)
    source = timm.create_model("test_resnet")
    save_file(source.state_dict(), tmp_path / "model.safetensors")
    torch.save(source.state_dict(), tmp_path / "weights.pth")
    for place in (tmp_path, tmp_path / "weights.pth"):
        network = encoder(channels, weights=str(place)).network
        last = [name for name in source.state_dict() if "conv" in name][-1]
        assert torch.equal(network.state_dict()[last], source.state_dict()[last])
        stem = next(module for module in network.modules() if isinstance(module, torch.nn.Conv2d))
        first = next(module for module in source.modules() if isinstance(module, torch.nn.Conv2d)).weight
        torch.testing.assert_close(stem.weight, first if channels == 3 else first.sum(1, keepdim=True))
    fresh = encoder(weights=str(tmp_path), pretrained=False).network
    assert not torch.equal(fresh.state_dict()[last], source.state_dict()[last])


def test_unknown_networks_and_wrong_weights_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="resnet_of_another_kind"):
        encoder(name="resnet_of_another_kind")
    save_file({"stem.weight": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=r"lacks \d+ of the encoder's tensors"):
        encoder(weights=str(tmp_path))
    with pytest.raises(UserError, match="cannot be had"):
        encoder(weights=str(tmp_path / "nowhere.pth"))
