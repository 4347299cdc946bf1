"""vatt.md 7.1 and 7.2: exact parameter and token counts, built at full size on the meta device."""

from typing import Any

import pytest
import torch
from torch import nn

from vatt_harmony.model.config import ModelConfig, TowerConfig
from vatt_harmony.model.heads import HierarchicalHeads
from vatt_harmony.model.vatt import Vatt


def count(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters() if p.requires_grad)


def meta(**changes: Any) -> Vatt:
    with torch.device("meta"):
        return Vatt(ModelConfig(**{"text_table": "frozen", "vocabulary": 65536, **changes}))


def tower(model: Vatt, branch: str) -> int:
    return count(model.tokens[branch], model.encoders[branch], model.head_stage.norms[branch])


def specific(**changes: Any) -> Vatt:
    return meta(kind="specific", **changes)


@pytest.mark.parametrize(
    ("size", "width", "parameters", "with_classes"),
    [
        ("small", 512, 20_508_672, 20_816_472),
        ("base", 768, 87_446_016, 87_907_416),
        ("medium", 1024, 154_343_424, 154_958_424),
        ("large", 1024, 305_498_112, 306_113_112),
    ],
)
def test_video_towers(size: Any, width: int, parameters: int, with_classes: int) -> None:
    model = specific(video_tower=TowerConfig(size=size))
    assert tower(model, "video") == parameters
    assert parameters + 600 * (width + 1) == with_classes


@pytest.mark.parametrize(("size", "parameters"), [("base", 86_078_976), ("medium", 152_520_704)])
def test_waveform_towers(size: Any, parameters: int) -> None:
    assert tower(specific(audio_tower=TowerConfig(size=size)), "audio") == parameters


def test_spectrogram_tower() -> None:
    model = specific(sound="spectrogram", audio_tower=TowerConfig(size="base"))
    assert model.config.audio_grid == (9, 16)
    assert tower(model, "audio") == 85_056_768


def test_text_tower() -> None:
    model = specific()
    assert count(model.encoders["text"], model.head_stage.norms["text"]) == 18_884_352
    assert tower(model, "text") == 19_038_252
    assert sum(p.numel() for p in model.parameters() if not p.requires_grad) == 19_660_800


@pytest.mark.parametrize(
    ("size", "total", "heads"),
    [("base", 193_877_292, 1_314_048), ("medium", 260_905_772, 1_445_120), ("large", 412_060_460, 1_445_120)],
)
def test_specific_totals(size: Any, total: int, heads: int) -> None:
    model = specific(video_tower=TowerConfig(size=size))
    assert count(model) == total
    assert count(model.head_stage.heads) == heads


@pytest.mark.parametrize(("size", "trunk"), [("base", 92_258_304), ("medium", 161_283_072), ("large", 312_437_760)])
def test_agnostic_totals(size: Any, trunk: int) -> None:
    model = meta(trunk=TowerConfig(size=size))
    assert count(model) - count(model.head_stage.heads) == trunk


def test_agnostic_medium_parts() -> None:
    model = meta()
    assert count(model) == 162_990_336
    assert count(model.encoders["shared"], model.head_stage.norms["shared"]) == 151_156_736
    private = {b: count(model.tokens[b], model.head_stage.post[b]) for b in ("video", "audio", "text")}
    assert private == {"video": 5_285_888, "audio": 3_463_168, "text": 1_377_280}


@pytest.mark.parametrize(("heads", "parameters"), [("code", 1_707_264), ("paper", 1_708_032)])
def test_heads_at_1024(heads: Any, parameters: int) -> None:
    widths = dict.fromkeys(("video", "audio", "text"), 1024)
    assert count(HierarchicalHeads(ModelConfig(heads=heads), widths)) == parameters


def test_word_table_is_trainable_by_default() -> None:
    assert count(meta(text_table="trainable")) == 162_990_336 + 65536 * 300


@pytest.mark.parametrize(
    ("frames", "size", "kept", "tokens"), [(32, 224, 784, 1568), (32, 320, 1600, 3200), (4, 384, 288, 576)]
)
def test_video_tokens(frames: int, size: int, kept: int, tokens: int) -> None:
    model = meta(trunk=TowerConfig(depth=1))
    video = torch.empty(2, frames, size, size, 3, dtype=torch.uint8, device="meta")
    seed = torch.empty(2, dtype=torch.int64, device="meta")
    assert model.tokens["video"].train()(video, seed)[0].shape == (2, 1 + kept, 1024)
    assert model.tokens["video"].eval()(video, None)[0].shape == (2, 1 + tokens, 1024)


@pytest.mark.parametrize(("sound", "kept", "tokens"), [("waveform", 600, 1200), ("spectrogram", 72, 144)])
def test_audio_tokens(sound: Any, kept: int, tokens: int) -> None:
    model = meta(trunk=TowerConfig(depth=1), sound=sound)
    audio = torch.empty(2, 153600, device="meta")
    seed = torch.empty(2, dtype=torch.int64, device="meta")
    assert model.tokens["audio"].train()(audio, seed)[0].shape == (2, 1 + kept, 1024)
    assert model.tokens["audio"].eval()(audio, None)[0].shape == (2, 1 + tokens, 1024)


def test_text_tokens() -> None:
    tokens, mask = meta().tokens["text"](torch.empty(2, 16, dtype=torch.int64, device="meta"), None)
    assert tokens.shape == (2, 17, 1024) and mask.shape == (2, 1, 1, 17)
