"""Every recipe: its model at full size on the meta device, and two steps of it narrowed."""

import json
import math
from pathlib import Path

import pytest
import torch
from support.batches import random_batch

from vatt_harmony.config import load_config, to_mapping
from vatt_harmony.engine.config import RunConfig, shipped_file
from vatt_harmony.engine.deepspeed_config import complete, read_deepspeed
from vatt_harmony.engine.encode import encode
from vatt_harmony.engine.optim import build_optimizer
from vatt_harmony.engine.parts import build_model, model_config
from vatt_harmony.engine.surrogate import gather, judge, surrogate
from vatt_harmony.errors import UserError
from vatt_harmony.harmony.state import HarmonyState
from vatt_harmony.model.config import ModelConfig
from vatt_harmony.model.vatt import Vatt

CONFIGS = Path(__file__).parents[3] / "configs"
RECIPES = sorted((CONFIGS / "pretrain").glob("*.yaml"))
CPU = torch.device("cpu")

# Parameters without the word table: vatt.md 7.1 (towers and private parts plus `code` heads).
PUBLISHED = {
    "vatt_ma_medium_howto100m": 162_990_336,
    "vatt_ma_medium_youtube8m": 162_990_336,
    "vatt_mbs_howto100m_audioset": 260_905_772,
    "vatt_ma_base_8gpu": 92_258_304 + 1_707_264,
}
TOWER = {"depth": 2, "width": 32, "ff": 64, "heads": 2}
NARROW = [
    *("--stream.frames", "12", "--stream.size", "32", "--stream.sample_rate", "4000", "--stream.global_batch", "8"),
    *(f"--model.{tower}.{key}={value}" for tower in ("trunk", "video_tower", "audio_tower", "text_tower")
      for key, value in TOWER.items()),
    *("--model.post_width", "48", "--model.d_va", "24", "--model.d_vt", "16", "--data.vocabulary", "64"),
    *("--model.mel_range", "[80, 2000]"),
]  # fmt: skip


@pytest.fixture(params=RECIPES, ids=lambda path: path.stem)
def recipe(request: pytest.FixtureRequest) -> Path:
    """One YAML file of configs/pretrain."""
    return request.param


def test_all_recipes_are_here() -> None:
    assert {"demo", "grid_tiny", *PUBLISHED} <= {path.stem for path in RECIPES}


def test_full_size_has_its_exact_parameter_count(recipe: Path) -> None:
    config = load_config(RunConfig, recipe)
    shape = model_config(config, config.data.vocabulary)
    with torch.device("meta"):
        model = Vatt(shape)
    counted = sum(parameter.numel() for parameter in model.parameters())
    if shape.kind == "agnostic":
        assert counted == _agnostic_parameters(shape)
    if recipe.stem in PUBLISHED:
        assert counted == PUBLISHED[recipe.stem] + shape.vocabulary * shape.text_width


def test_two_steps_narrowed(recipe: Path) -> None:
    config = load_config(RunConfig, recipe, NARROW)
    model = build_model(model_config(config, config.data.vocabulary), config.seed).train()
    optimizer = build_optimizer(model, config.optim)
    state, first = HarmonyState(), config.harmony.curriculum.t1 or 0  # where the curriculum drops most
    for step in (first, first + 1):
        before = {name: value.detach().clone() for name, value in model.named_parameters()}
        batch = random_batch(config.stream.global_batch, model.config, seed=step, candidates=config.stream.candidates)
        encoded = encode(model, batch, CPU)
        gathered = gather(encoded, config.harmony.kernel_branches(model.shared_branches), 0, 1)
        judged = judge(gathered, model.head_stage, config.objective, config.harmony, model.shared_branches, state, step)
        optimizer.zero_grad()
        surrogate(encoded, gathered, judged, model.head_stage, config.objective).backward()
        optimizer.step()
        assert judged.harmonized is not None
        state = judged.harmonized.state
        assert torch.isfinite(judged.losses.total)
        still = [name for name, value in model.named_parameters() if torch.equal(value, before[name])]
        assert still == [], "every parameter learns"
        assert all(torch.isfinite(value).all() for value in model.parameters())


def test_resolved_configuration_is_read_back(recipe: Path, tmp_path: Path) -> None:
    config = load_config(RunConfig, recipe)
    (tmp_path / "config.yaml").write_text(json.dumps(to_mapping(config)))  # JSON is YAML
    assert load_config(RunConfig, tmp_path / "config.yaml") == config


def test_deepspeed_file_of_a_recipe_exists_and_is_accepted(recipe: Path) -> None:
    config = load_config(RunConfig, recipe)
    assert isinstance(config.engine.deepspeed, str)
    assert shipped_file(config.engine.deepspeed).is_file()
    complete(read_deepspeed(config.engine.deepspeed), config.stream.global_batch, 2, config.optim.clip)


@pytest.mark.parametrize("stage", range(4))
def test_deepspeed_files_hold_the_stage_of_their_name(stage: int) -> None:
    settings = read_deepspeed(str(CONFIGS / "deepspeed" / f"zero{stage}.json"))
    assert settings["zero_optimization"]["stage"] == stage
    assert settings.get("bf16", {}).get("enabled", False) == (stage > 0)
    assert "train_batch_size" not in settings
    assert complete(settings, 64, 4, clip=1.0)["train_micro_batch_size_per_gpu"] == 16


def test_a_misspelt_key_names_the_right_one(recipe: Path) -> None:
    with pytest.raises(UserError, match=r"harmony\.rule"):
        load_config(RunConfig, recipe, ["--harmony.rul", "sum"])


def _agnostic_parameters(model: ModelConfig) -> int:
    """The count from the shapes of vatt.md 4, `code` and joint heads."""
    (depth, d, ff, _), post, va, vt = model.trunk.shape, model.post_width, model.d_va, model.d_vt
    block = 4 * (d * d + d) + (d * ff + ff) + (ff * d + d) + 4 * d
    frames, rows, columns = model.patch
    pre, after, norm, agg = d * d + d, d * post + post, 2 * d, d
    video = frames * rows * columns * 3 * d + d + pre + sum(model.video_grid) * d + norm + agg + after
    sound_patch = model.audio_patch if model.sound == "waveform" else math.prod(model.spectrogram_patch)
    audio = sound_patch * d + d + pre + sum(model.audio_grid) * d + norm + agg + after
    text = model.vocabulary * model.text_width + model.text_width * d + d + model.words * d + norm + agg + after
    if model.heads == "joint":
        return depth * block + norm + video + audio + text + 3 * (post * va + 2 * va)
    heads = (post * va + 2 * va + va * va + 2 * va) + (post * va + va) + (va * vt + 2 * vt) + (post * vt + vt)
    return depth * block + norm + video + audio + text + heads
