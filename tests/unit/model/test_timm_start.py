"""The timm start, and the import of torchvision it needs."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support.small_model import small_config

from vatt_harmony.model import torchvision_ops
from vatt_harmony.model.config import TowerConfig
from vatt_harmony.model.timm_start import new_model, start_from_timm
from vatt_harmony.model.torchvision_ops import prepare_torchvision
from vatt_harmony.model.vatt import Vatt

TOWER = TowerConfig(depth=2, width=32, ff=128, heads=2)


@pytest.fixture
def vit() -> Any:
    prepare_torchvision()
    import timm

    torch.manual_seed(0)
    sizes = {"img_size": 32, "embed_dim": 32, "depth": 2, "num_heads": 2, "num_classes": 0}
    model = timm.create_model("vit_tiny_patch16_224", pretrained=False, init_values=0.1, **sizes).double().eval()
    for name, parameter in model.named_parameters():
        if "pos_embed" not in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def separable(vit: Any) -> None:
    """A position table that rows + columns and one LayerNorm can express."""
    signs = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(8)
    table = torch.stack([torch.cat([h * signs, w * signs]) for h in (1, -1) for w in (1, -1)]) * 0.3
    vit.pos_embed.data[0, 1:] = table


@pytest.mark.parametrize("frames", [4, 1])
def test_still_video_equals_the_image_model(vit: Any, frames: int) -> None:
    separable(vit)
    config = small_config(kind="specific", video_tower=TOWER, frames=frames, patch=(frames, 16, 16))
    model = Vatt(config).double().eval()
    start_from_timm(model, vit)
    image = torch.rand(3, 32, 32, 3, dtype=torch.float64)
    mean, std = (torch.tensor(vit.pretrained_cfg[key], dtype=torch.float64) for key in ("mean", "std"))
    expected = vit.forward_features(((image - mean) / std).permute(0, 3, 1, 2))[:, 0]
    video = (image * 2 - 1)[:, None].expand(-1, frames, -1, -1, -1)
    z = model(video=video)
    torch.testing.assert_close(model.head_stage.features(z)["video"], expected, rtol=1e-4, atol=1e-4)


def test_agnostic_trunk_takes_the_blocks(vit: Any) -> None:
    model = Vatt(small_config(trunk=TOWER)).double()
    start_from_timm(model, vit)
    assert torch.equal(model.encoders["shared"].blocks[1].wi.weight, vit.blocks[1].mlp.fc1.weight)
    assert torch.equal(model.head_stage.norms["shared"].weight, vit.norm.weight)


@pytest.mark.parametrize(
    ("tower", "message"),
    [
        (TowerConfig(depth=3, width=32, ff=128, heads=2), "depth is 3, the timm model has 2"),
        (TowerConfig(depth=2, width=64, ff=128, heads=2), "width is 64, the timm model has 32"),
    ],
)
def test_what_does_not_fit(vit: Any, tower: TowerConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        start_from_timm(Vatt(small_config(trunk=tower)), vit)


def test_start_by_name_and_file(tmp_path: Path) -> None:
    prepare_torchvision()
    import timm

    name = "test_vit"
    vit = timm.create_model(name, pretrained=False)
    torch.save(vit.state_dict(), tmp_path / "vit.pth")
    heads, ff = vit.blocks[0].attn.num_heads, vit.blocks[0].mlp.fc1.out_features
    tower = TowerConfig(depth=len(vit.blocks), width=vit.embed_dim, ff=ff, heads=heads)
    model = new_model(small_config(kind="specific", video_tower=tower, timm=name, timm_file=str(tmp_path / "vit.pth")))
    assert torch.equal(model.encoders["video"].blocks[0].wi.weight, vit.blocks[0].mlp.fc1.weight)


def test_torchvision_imports_in_a_fresh_process() -> None:
    code = (
        "from vatt_harmony.model.torchvision_ops import prepare_torchvision as p; p(); p();"
        "import torchvision.transforms.v2, timm"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_working_operators_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    declared: list[str] = []
    monkeypatch.setattr(torchvision_ops, "_libraries", [])
    monkeypatch.setattr(torch.library, "Library", lambda *names: declared.append(str(names)))
    monkeypatch.setattr(torchvision_ops, "_operators_load", lambda: True)
    assert not prepare_torchvision()
    monkeypatch.setattr(torchvision_ops, "_operators_load", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert not prepare_torchvision()
    assert declared == []
