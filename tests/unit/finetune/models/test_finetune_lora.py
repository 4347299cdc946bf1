"""Low-rank adapters on encoders."""

from pathlib import Path
from typing import Any

import pytest
import torch
from support.exports import STREAM, make_export
from support.finetune_models import CNN, VIT, clips, save_bert, save_wav2vec, small_finetune_model
from torch import nn

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.models.lora import default_targets
from vatt_harmony.finetune.models.model import FinetuneModel

LORA: dict[str, Any] = {"train": "lora", "lora": {"rank": 2}}
CONFORMER = {"width": 16, "layers": 1, "heads": 2, "kernel": 3, "stem": 6, "base_layers": 1}


def learning(module: nn.Module) -> list[str]:
    return [name for name, parameter in module.named_parameters() if parameter.requires_grad]


def test_an_adapter_starts_without_effect_and_learns_alone() -> None:
    plain, adapted = small_finetune_model({"video": VIT}), small_finetune_model({"video": VIT | LORA})
    adapted.fusion.load_state_dict(plain.fusion.state_dict())
    video = {"video": clips()["video"]}
    torch.testing.assert_close(adapted.eval()(**video), plain.eval()(**video))
    names = learning(adapted.encoders)
    assert names and all("lora_" in name for name in names)
    adapted(**video).sum().backward()
    assert all(adapted.encoders.get_parameter(name).grad is not None for name in names)


def test_default_targets_are_linear_layers_or_convolutions() -> None:
    vit, cnn = (small_finetune_model({"video": kind}).encoders["video"].backbone.network for kind in (VIT, CNN))
    assert {name.rpartition(".")[2] for name in default_targets(vit)} == {"qkv", "proj", "fc1", "fc2"}
    assert default_targets(cnn) and all(isinstance(cnn.get_submodule(name), nn.Conv2d) for name in default_targets(cnn))


def test_targets_may_be_named(tmp_path: Path) -> None:
    named = {"train": "lora", "lora": {"rank": 2, "targets": ["qkv"]}}
    assert {
        name.split(".lora_")[0].rpartition(".")[2]
        for name in learning(small_finetune_model({"video": VIT | named}).encoders)
    } == {"qkv"}
    with pytest.raises(UserError, match=r"lora\.targets is \['nothing_of_this'\]"):
        small_finetune_model({"video": VIT | {"train": "lora", "lora": {"targets": ["nothing_of_this"]}}})


def test_batch_norms_below_an_adapter_keep_their_statistics() -> None:
    model = small_finetune_model({"video": CNN | LORA}).train()
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    model(video=clips()["video"])
    assert all(torch.equal(buffer, before[name]) for name, buffer in model.named_buffers())


def test_only_the_speech_model_of_a_conformer_is_adapted(tmp_path: Path) -> None:
    conformer = {**CONFORMER, "base": str(save_wav2vec(tmp_path))}
    audio = {"kind": "conformer", "conformer": conformer, **LORA}
    encoder = small_finetune_model({"audio": audio}, audio={"view": "waveform"}).encoders["audio"]
    names = learning(encoder)
    assert all("lora_" in name for name in names if ".network." in name)
    assert any(name.startswith("backbone.blocks") for name in names)
    with pytest.raises(UserError, match="no pretrained network below it"):
        small_finetune_model({"audio": {"kind": "conformer", "conformer": CONFORMER, **LORA}})


def test_vatt_and_text_encoders_are_adapted_saved_and_loaded(tmp_path: Path) -> None:
    _, exported = make_export(tmp_path)
    vatt = {"kind": "vatt", "weights": str(exported), **LORA}
    text = torch.randint(1, 30, (3, STREAM.words))
    frames = torch.randint(0, 256, (3, STREAM.frames, 32, 32, 3), dtype=torch.uint8)
    bert = {"kind": "transformers", "weights": str(save_bert(tmp_path / "bert")), **LORA}
    for number, (encoders, given) in enumerate([
        ({"video": vatt, "text": bert}, {"video": frames, "text": text}), ({"text": vatt}, {"text": text}),
    ]):  # fmt: skip
        model = small_finetune_model(encoders).eval()
        model(**given).sum().backward()
        names = learning(model.encoders)
        assert names and all("lora_" in name for name in names)
        assert all(model.encoders.get_parameter(name).grad is not None for name in names)
        with torch.no_grad():
            for name in names:
                model.encoders.get_parameter(name).normal_()
        model.save_pretrained(tmp_path / f"saved{number}")
        assert torch.equal(FinetuneModel.from_pretrained(tmp_path / f"saved{number}")(**given), model(**given))


def test_the_saved_adapter_is_one_of_peft(tmp_path: Path) -> None:
    import timm
    from peft import PeftModel

    model = small_finetune_model({"video": VIT | LORA}).eval()
    with torch.no_grad():
        for name in learning(model.encoders):
            model.encoders.get_parameter(name).normal_()
    model.save_pretrained(tmp_path)
    torch.manual_seed(0)  # the weights of `small_finetune_model`
    base = timm.create_model("test_vit", num_classes=0, in_chans=3, img_size=(32, 32))
    adapted = PeftModel.from_pretrained(base, str(tmp_path / "adapters" / "video")).eval()
    encoder = model.encoders["video"]
    frames = encoder.frontend(clips()["video"])
    expected = adapted(frames.flatten(0, 1)).unflatten(0, (3, 2)).mean(1)
    torch.testing.assert_close(encoder(clips()["video"]).pooled, expected)
    video = {"video": clips()["video"]}
    assert torch.equal(FinetuneModel.from_pretrained(tmp_path)(**video), model(**video))
