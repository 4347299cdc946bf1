"""The whole network: built from a recipe, given missing modalities, frozen, saved and loaded."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support.exports import STREAM, make_export
from support.finetune_models import CNN, clips, save_bert, save_wav2vec, small_finetune_model
from torch import Tensor

from vatt_harmony.balance import MLB, Balancer, Classification
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.models.fusions.build import FUSIONS
from vatt_harmony.finetune.models.model import FinetuneModel
from vatt_harmony.stream.tokenizer import load_tokenizer

BOTH = {"audio": CNN, "video": CNN}
CONFORMER = {"width": 16, "layers": 1, "heads": 2, "kernel": 3, "stem": 6, "base_layers": 1}


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_missing_modality_is_as_if_its_features_were_zero(fusion: str) -> None:
    model = small_finetune_model(BOTH, fusion).eval()
    present = {"audio": torch.tensor([True, False, True]), "video": torch.tensor([True, True, True])}
    silent = clips()
    silent["audio"] = silent["audio"].clone()
    silent["audio"][1] = torch.nan  # whatever stands there is not read
    with torch.no_grad():
        masked, whole = model(present=present, **silent), model(**clips())
    torch.testing.assert_close(masked[[0, 2]], whole[[0, 2]])
    assert masked.isfinite().all() and not torch.allclose(masked[1], whole[1])


@pytest.mark.parametrize("shown", [(0, 2), (1,), ()])
def test_clips_without_a_modality_leave_its_batch_norms_alone(shown: tuple[int, ...]) -> None:
    model = small_finetune_model(BOTH).train()
    present = torch.tensor([row in shown for row in range(3)])
    given, encoder, own = clips(), model.encoders["audio"], small_finetune_model(BOTH).train().encoders["audio"]
    before = {name: value.clone() for name, value in encoder.named_buffers()}
    pooled = encoder(given["audio"], present).pooled
    assert not pooled[~present].any()
    if len(shown) > 1:  # as if there were no others
        torch.testing.assert_close(pooled[present], own(given["audio"][present]).pooled)
        before = dict(own.named_buffers())
    elif shown:  # a single clip has no statistics
        torch.testing.assert_close(pooled[present], own.eval()(given["audio"][present]).pooled)
    torch.testing.assert_close(dict(encoder.named_buffers()), before)
    assert all(module.training for module in encoder.modules())
    model(present={"audio": present}, **given).sum().backward()
    learns = [parameter.grad is not None for parameter in model.parameters()]
    assert all(learns)  # DDP waits for each
    moved = any(bool(parameter.grad.any()) for parameter in encoder.parameters() if parameter.grad is not None)
    assert moved == bool(shown)


def test_a_missing_modality_stays_missing_when_it_is_permuted_and_when_features_are_cached() -> None:
    model = small_finetune_model(BOTH)
    balancer = Balancer(model, model.feature_paths, task=Classification(3), rule=MLB(), example=clips()).eval()
    present = {"audio": torch.tensor([True, False, True]), "video": torch.ones(3, dtype=torch.bool)}
    with torch.no_grad(), balancer.cached_features():
        whole = balancer(present=present, **clips())
        with balancer.without({"audio"}, "permute"):
            permuted = balancer(present=present, **clips())
    assert not whole.features["audio"][1].any() and torch.equal(permuted.features["audio"], whole.features["audio"])
    torch.testing.assert_close(permuted.logits[1], whole.logits[1])
    assert not torch.allclose(permuted.logits[0], whole.logits[0])


def test_inputs_are_those_of_the_model() -> None:
    model = small_finetune_model({"video": CNN})
    with pytest.raises(ValueError, match=r"given for \['audio', 'video'\], the model reads \['video'\]"):
        model(**clips())


def test_features_are_where_a_balancer_looks_for_them() -> None:
    model = small_finetune_model(BOTH)
    assert model.feature_paths == {"audio": "encoders.audio", "video": "encoders.video"}
    assert list(model.encoders) == list(model.widths)
    for name, path in model.feature_paths.items():
        assert model.get_submodule(path)(clips()[name]).pooled.shape == (3, model.widths[name])
    assert model.fusion_linear is not None
    linear = model.get_submodule(model.fusion_linear)
    assert linear.in_features == sum(model.widths.values())  # type: ignore[union-attr]
    assert small_finetune_model(BOTH, "mlp").fusion_linear is None


def test_tokens_are_given_only_to_a_fusion_that_reads_them_and_apart_from_the_pooled_feature() -> None:
    assert small_finetune_model(BOTH).encoders["video"](clips()["video"]).tokens is None
    conformer = {"kind": "conformer", "conformer": CONFORMER}  # its pooled feature is the mean of its tokens
    output = small_finetune_model({"audio": conformer}, "transformer").encoders["audio"](clips()["audio"])
    seen: list[float] = []
    output.tokens.register_hook(lambda gradient: seen.append(float(gradient.abs().sum())))
    output.pooled.sum().backward()
    assert sum(seen) == 0  # what scales the gradient at the tokens leaves that of the pooled feature alone


def test_a_frozen_encoder_keeps_weights_and_batch_norms() -> None:
    model = small_finetune_model({"audio": CNN | {"train": "frozen"}, "video": CNN}).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model(**clips()).sum().backward()
    after = model.state_dict()
    moved = {
        name.split(".")[1]
        for name, value in after.items()
        if "running" in name and not torch.equal(value, before[name])
    }
    assert moved == {"video"}
    assert {name.split(".")[1] for name, p in model.encoders.named_parameters(prefix="e") if p.grad is not None} == {
        "video"
    }


def encoders(tmp_path: Path, exported: Path) -> dict[str, dict[str, Any]]:
    wav2vec = {**CONFORMER, "base": str(save_wav2vec(tmp_path / "wav2vec"))}
    return {
        "vatt": {"kind": "vatt", "weights": str(exported)},
        "timm": CNN,
        "bert": {"kind": "transformers", "weights": str(save_bert(tmp_path / "bert")), "pool": "cls"},
        "speech": {"kind": "conformer", "conformer": wav2vec},
        "faces": {"kind": "conformer", "conformer": CONFORMER},
    }


def test_a_saved_model_needs_no_other_folder(tmp_path: Path) -> None:
    _, exported = make_export(tmp_path)
    saved = []
    for number, (chosen, inputs, given) in enumerate(cases(encoders(tmp_path, exported))):
        model = small_finetune_model(chosen, "transformer", **inputs).eval()
        model.save_pretrained(tmp_path / f"saved{number}")
        saved.append((tmp_path / f"saved{number}", given, model(**given)))
    for folder in (exported, tmp_path / "bert", tmp_path / "wav2vec"):
        folder.rename(folder.with_suffix(".gone"))
    for folder, given, logits in saved:
        loaded = FinetuneModel.from_pretrained(folder)
        assert loaded.spec.classes == ("calm", "angry", "sad") and not loaded.training
        assert torch.equal(loaded(**given), logits)
        assert str(tmp_path) not in (folder / "config.json").read_text()
        assert {file.suffix for file in folder.rglob("*") if file.is_file()} == {".json", ".safetensors"}
        loaded.save_pretrained(folder.with_suffix(".again"))
        assert torch.equal(FinetuneModel.from_pretrained(folder.with_suffix(".again"))(**given), logits)


@pytest.mark.parametrize("fusion", ["linear", "transformer"])
def test_everything_that_learns_gets_a_gradient(fusion: str, tmp_path: Path) -> None:
    """Else DDP and ZeRO would wait for it."""
    _, exported = make_export(tmp_path, kind="specific")
    for chosen, inputs, given in cases(encoders(tmp_path, exported)):
        model = small_finetune_model(chosen, fusion, **inputs).train()
        model(**given).sum().backward()
        assert not [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]


def cases(kinds: dict[str, dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]]:
    """Encoders, inputs of their configuration, and clips, so that each kind comes once."""
    text = torch.randint(1, 30, (3, STREAM.words), generator=torch.Generator().manual_seed(0))
    faces = torch.randn(3, 4, 20, generator=torch.Generator().manual_seed(0))
    frames = torch.randint(0, 256, (3, STREAM.frames, 32, 32, 3), dtype=torch.uint8)
    features = {"view": "features", "width": 20}
    return [
        ({"video": kinds["vatt"], "text": kinds["vatt"]}, {}, {"video": frames, "text": text}),
        ({"audio": kinds["timm"], "text": kinds["bert"]}, {}, {"audio": clips()["audio"], "text": text}),
        (
            {"audio": kinds["speech"], "video": kinds["faces"]},
            {"audio": {"view": "waveform"}, "video": features},
            {"audio": clips()["audio"], "video": faces},
        ),
    ]


def test_saved_weights_give_the_same_logits(tmp_path: Path) -> None:
    model = small_finetune_model(BOTH, audio={"normalise": "set"}).eval()
    model.encoders["audio"].frontend.measure([clips()["audio"]])
    model.save_pretrained(tmp_path)
    assert torch.equal(FinetuneModel.from_pretrained(tmp_path)(**clips()), model(**clips()))


def test_the_tokenizer_comes_with_the_model(tmp_path: Path) -> None:
    _, exported = make_export(tmp_path)
    vatt = {"kind": "vatt", "weights": str(exported)}
    place = (tmp_path / "tokenizer.json").rename(tmp_path / "words.json")
    small_finetune_model({"text": vatt}, text={"tokenizer": str(place)}).save_pretrained(tmp_path / "saved")
    place.unlink()
    loaded = FinetuneModel.from_pretrained(tmp_path / "saved")
    loaded.save_pretrained(tmp_path / "saved")  # onto itself
    assert loaded.spec.inputs.text.tokenizer == "vatt"
    tokenizer = load_tokenizer(Path(loaded.spec.encoders["text"].weights), 6)
    assert tokenizer.backend.encode("a red ball").ids == load_tokenizer(exported, 6).backend.encode("a red ball").ids


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no config\.json"):
        FinetuneModel.from_pretrained(tmp_path)
    small_finetune_model({"video": CNN}).save_pretrained(tmp_path)
    spec = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(spec | {"fuson": {}}))
    with pytest.raises(UserError, match="Did you mean 'fusion'"):
        FinetuneModel.from_pretrained(tmp_path)


def test_input_and_network_must_fit() -> None:
    with pytest.raises(
        UserError, match=r"inputs\.audio\.view is waveform, which encoders\.audio\.kind timm cannot read"
    ):
        small_finetune_model({"audio": CNN}, audio={"view": "waveform"})
    with pytest.raises(UserError, match="It cannot read text"):
        small_finetune_model({"text": CNN})
