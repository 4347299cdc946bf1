"""Two passes in chunks give what one gives: z, gradients, batch-norm statistics, whatever is dropped or missing."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from support.batches import random_batch, tiny_config, tiny_model, tiny_specific, with_audio
from torch import Tensor

from vatt_harmony.engine.cached import Rows, plan
from vatt_harmony.engine.encode import encode, valid_rows
from vatt_harmony.engine.passes import OnePass, Passes, TwoPass, check_chunk
from vatt_harmony.engine.surrogate import gather, judge, surrogate
from vatt_harmony.errors import UserError
from vatt_harmony.harmony.config import CurriculumConfig, HarmonyConfig
from vatt_harmony.harmony.state import HarmonyState
from vatt_harmony.model.config import ModelConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.scale.bench.cached import HALF, OBJECTIVE, REALIGNED, backward
from vatt_harmony.scale.bench.harmonized import gradients, relative
from vatt_harmony.stream.batch import Batch

CPU = torch.device("cpu")
TEXT_ONLY = HarmonyConfig(curriculum=CurriculumConfig(kind="quantile", q0=0.5, t0=0, shape="constant", drop="vt_only"))
NOTHING = HarmonyConfig(
    curriculum=CurriculumConfig(kind="threshold", gamma0=1.0, t0=0, shape="constant", on_empty="zero")
)


class Watched:
    """A model that counts the rows it encoded with graph."""

    def __init__(self, model: Vatt) -> None:
        self.model = model
        self.encoded: dict[str, int] = {}

    def __call__(self, **given: Tensor | None) -> Mapping[str, Tensor]:
        if torch.is_grad_enabled():
            for branch in ("video", "audio", "text"):
                self.encoded[branch] = self.encoded.get(branch, 0) + (
                    0 if given[branch] is None else len(given[branch])
                )
        return self.model(**given)


def made(config: ModelConfig, missing: bool = True) -> Batch:
    return with_audio(random_batch(12, config, missing=missing), torch.float64)


def one_step(passes: Passes, model: Vatt, batch: Batch, harmony: HarmonyConfig) -> list[Tensor]:
    backward(passes, model, batch, harmony)
    return [gradients(model), *(buffer for name, buffer in model.named_buffers() if "running" in name)]


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 12, 40])
@pytest.mark.parametrize("harmony", [REALIGNED, HALF, TEXT_ONLY, HarmonyConfig(enabled=False)])
def test_the_step_is_that_of_one_pass(harmony: HarmonyConfig, chunk: int) -> None:
    config = tiny_config()
    one, two, batch = tiny_model(config), tiny_model(config), made(config)
    wanted = one_step(OnePass(one, CPU), one, batch, harmony)
    found = one_step(TwoPass(two, CPU, chunk, 0.0), two, batch, harmony)
    assert max(relative(a, b) for a, b in zip(found, wanted, strict=True)) <= 1e-12


@pytest.mark.parametrize("config", [tiny_specific(), tiny_config(checkpointing=True), tiny_config(heads="joint")])
def test_the_step_is_that_of_one_pass_for_every_kind_of_model(config: ModelConfig) -> None:
    one, two, batch = tiny_model(config), tiny_model(config), made(config)
    wanted = one_step(OnePass(one, CPU), one, batch, HALF)
    found = one_step(TwoPass(two, CPU, 3, 0.0), two, batch, HALF)
    assert max(relative(a, b) for a, b in zip(found, wanted, strict=True)) <= 1e-12


def test_without_sound_or_text_too() -> None:
    config = tiny_config()
    batch = made(config)
    for mute in (
        replace(batch, audio_mask=torch.zeros_like(batch.audio_mask)),
        replace(batch, text_mask=torch.zeros_like(batch.text_mask)),
    ):
        one, two = tiny_model(config), tiny_model(config)
        wanted = one_step(OnePass(one, CPU), one, mute, HALF)
        found = one_step(TwoPass(two, CPU, 5, 0.0), two, mute, HALF)
        assert max(relative(a, b) for a, b in zip(found, wanted, strict=True)) <= 1e-12


def test_only_rows_with_a_gradient_are_encoded_again() -> None:
    config = tiny_config()
    batch = made(config, missing=False)
    counted = {}
    for name, harmony in {"all": REALIGNED, "half": HALF, "text": TEXT_ONLY, "nothing": NOTHING}.items():
        watched = Watched(tiny_model(config))
        backward(TwoPass(watched, CPU, 4, 0.0), watched.model, batch, harmony)
        counted[name] = watched.encoded
    assert counted["all"] == {"video": 12, "audio": 12, "text": 36}
    assert counted["half"] == {"video": 6, "audio": 6, "text": 18}
    assert counted["text"] == {"video": 12, "audio": 12, "text": 18}
    assert counted["nothing"] == {"video": 1, "audio": 1, "text": 1}  # a dummy row each


def test_if_all_samples_are_dropped_only_the_heads_learn() -> None:
    config = tiny_config()
    one, two, batch = tiny_model(config), tiny_model(config), made(config, missing=False)
    wanted = one_step(OnePass(one, CPU), one, batch, NOTHING)
    found = one_step(TwoPass(two, CPU, 4, 0.0), two, batch, NOTHING)
    assert max(relative(a, b) for a, b in zip(found, wanted, strict=True)) <= 1e-12
    assert not gradients(two, "encoders").any() and gradients(two, "head_stage").any()


def both_z(passes: TwoPass, model: Vatt, batch: Batch, harmony: HarmonyConfig) -> list[tuple[Tensor, Tensor]]:
    """z of the first and of the second pass, of the same rows."""
    encoded = passes.encode(batch)
    gathered = gather(encoded, harmony.kernel_branches(model.shared_branches), 0, 1)
    judged = judge(gathered, model.head_stage, OBJECTIVE, harmony, model.shared_branches, HarmonyState(), 0)
    pairs = []
    for part in passes.parts(batch, encoded, gathered, judged):
        for branch, z in part.encoded.z.items():
            first = encoded.collect(branch, encoded.spread(branch, encoded.z[branch]))
            places = torch.searchsorted(encoded.rows[branch], part.encoded.rows[branch])
            if part.encoded.exists[branch]:
                pairs.append((first[places], z.detach()))
        surrogate(part.encoded, gathered, judged, model.head_stage, OBJECTIVE, part.share).backward()
    return pairs


def test_z_of_both_passes_and_of_one_pass_are_the_same() -> None:
    config = tiny_config()
    model, batch = tiny_model(config), made(config)
    passes = TwoPass(model, CPU, 5, 0.0)
    single, cached = encode(model, batch, CPU), passes.encode(batch)
    assert cached.exists == single.exists
    for branch, z in single.z.items():
        assert torch.equal(cached.rows[branch], single.rows[branch])
        torch.testing.assert_close(cached.z[branch], z.detach(), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(cached.act[branch], single.act[branch], rtol=1e-12, atol=1e-12)
    for first, second in both_z(passes, model, batch, HALF):
        torch.testing.assert_close(second, first, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_dropout_is_replayed_whole_chunk_by_whole_chunk(checkpointing: bool) -> None:
    config = tiny_config(dropout=0.3, checkpointing=checkpointing)
    watched, batch = Watched(tiny_model(config)), made(config, missing=False)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    pairs = both_z(TwoPass(watched, CPU, 5, 0.3), watched.model, batch, HALF)
    assert all(torch.equal(first, second) for first, second in pairs)
    assert watched.encoded == {"video": 12, "audio": 12, "text": 36}
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    other = both_z(TwoPass(watched, CPU, 5, 0.3), watched.model, batch, HALF)
    assert not torch.equal(pairs[0][0], other[0][0])


def test_chunks_are_full_and_the_first_and_the_last_hold_every_branch() -> None:
    rows: Rows = {"video": torch.arange(11), "audio": torch.tensor([2, 7]), "text": torch.arange(0)}
    chunks = plan(rows, {"video": 4, "audio": 4, "text": 12}, CPU)
    assert [{branch: len(r) for branch, r in chunk.rows.items()} for chunk in chunks] == [
        {"video": 4, "audio": 1, "text": 0},
        {"video": 4},
        {"video": 3, "audio": 1, "text": 0},
    ]
    assert torch.equal(torch.cat([chunk.rows["video"] for chunk in chunks]), rows["video"])
    assert len({chunk.seed for chunk in chunks}) == 3


def test_a_batch_that_fits_is_one_chunk() -> None:
    batch = random_batch(3, tiny_config())
    (chunk,) = plan(valid_rows(batch), {"video": 3, "audio": 3, "text": 9}, CPU)
    assert all(torch.equal(chunk.rows[branch], rows) for branch, rows in valid_rows(batch).items())


def test_tokens_that_follow_the_batch_are_refused() -> None:
    check_chunk(0, tiny_config(drop_mode="per_batch"))
    check_chunk(4, tiny_config())
    with pytest.raises(UserError, match="drop_mode is per_batch"):
        check_chunk(4, tiny_config(drop_mode="per_batch"))
