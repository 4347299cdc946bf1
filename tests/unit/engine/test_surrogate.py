"""The surrogate's gradient: the sum of realigned per-sample gradients, plain training's if nothing is realigned."""

from dataclasses import replace

import pytest
import torch

from vatt_harmony.engine.encode import encode
from vatt_harmony.engine.surrogate import differentiate, gather, judge, surrogate
from vatt_harmony.harmony.config import HarmonyConfig, PairBalanceConfig
from vatt_harmony.harmony.state import HarmonyState
from vatt_harmony.model.config import ModelConfig
from vatt_harmony.objective.config import ObjectiveConfig, PairWeights
from vatt_harmony.scale.bench.harmonized import QUANTILE, gradients, harmonized_backward, plain_backward, relative
from vatt_harmony.scale.bench.realignment import CONFIGS, plain_error, realignment_error
from vatt_harmony.scale.tiny import random_batch, tiny_config, tiny_model, with_audio


@pytest.mark.parametrize("config", CONFIGS)
def test_realigned_update_is_the_explicit_sum_of_per_sample_gradients(config: ModelConfig) -> None:
    error, share = realignment_error(config)
    assert error <= 1e-9
    assert share >= 0.2, "otherwise there was nothing to see"


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("harmony", [HarmonyConfig(rule="sum"), HarmonyConfig(enabled=False)])
def test_sum_without_curriculum_is_plain_training(dtype: torch.dtype, bound: float, harmony: HarmonyConfig) -> None:
    assert plain_error(dtype, harmony) <= bound


def test_realignment_changes_the_trunk_but_never_the_heads() -> None:
    config = tiny_config()
    one, two = tiny_model(config), tiny_model(config)
    batch = with_audio(random_batch(12, config), torch.float64)
    harmonized_backward(one, batch, HarmonyConfig())
    plain_backward(two, batch)
    assert relative(gradients(one, "encoders"), gradients(two, "encoders")) > 1e-3
    assert relative(gradients(one, "head_stage"), gradients(two, "head_stage")) <= 1e-12
    statistics = [[b for n, b in m.named_buffers() if "running" in n] for m in (one, two)]
    assert all(torch.equal(a, b) for a, b in zip(*statistics, strict=True))


def test_a_batch_without_any_pair_has_loss_and_gradient_zero() -> None:
    config = tiny_config()
    model = tiny_model(config)
    batch = with_audio(random_batch(6, config), torch.float64)
    alone = replace(batch, audio_mask=torch.zeros(6, dtype=torch.bool), text_mask=torch.zeros(6, 3, dtype=torch.bool))
    judged = harmonized_backward(model, alone, HarmonyConfig(curriculum=QUANTILE))
    assert judged.losses.total == 0
    assert torch.equal(gradients(model), torch.zeros_like(gradients(model)))


@pytest.mark.parametrize("weights", [PairWeights(video_audio=0.0), PairWeights(video_text=0.0)])
def test_a_branch_that_no_loss_reaches_gets_zero_gradients_not_none(weights: PairWeights) -> None:
    config = tiny_config()
    model, batch = tiny_model(config), with_audio(random_batch(8, config), torch.float64)
    objective, plain = ObjectiveConfig(weights=weights), HarmonyConfig(enabled=False)
    encoded = encode(model, batch, torch.device("cpu"))
    gathered = gather(encoded, (), 0, 1)
    judged = judge(gathered, model.head_stage, objective, plain, model.shared_branches, HarmonyState(), 0)
    surrogate(encoded, gathered, judged, model.head_stage, objective).backward()
    unreached = "audio" if weights.video_audio == 0 else "text"
    found = [p.grad for name, p in model.named_parameters() if name.startswith(f"tokens.{unreached}.")]
    assert found and all(gradient is not None and not gradient.any() for gradient in found)


def test_pair_balance_multiplies_every_gradient_of_a_pair_by_its_pace() -> None:
    config, objective = tiny_config(), ObjectiveConfig(temperature=0.5)
    model, batch = tiny_model(config), with_audio(random_batch(12, config), torch.float64)
    encoded = encode(model, batch, torch.device("cpu"))
    gathered = gather(encoded, (), 0, 1)
    plain = differentiate(gathered, model.head_stage, objective)
    paced = differentiate(gathered, model.head_stage, objective, balance=PairBalanceConfig(enabled=True))
    assert set(paced.pace) == set(plain.u) and all(0 < float(k) <= 2 and float(k) != 1 for k in paced.pace.values())
    for pair, unpaced in plain.u.items():
        torch.testing.assert_close(paced.u[pair], {b: g * paced.pace[pair] for b, g in unpaced.items()})
    total = sum(float(plain.losses.terms[pair] * k) for pair, k in paced.pace.items())
    assert float(paced.total) == pytest.approx(total, rel=1e-12) and paced.losses.means == plain.losses.means


def test_heads_run_again_have_the_same_gradients_and_pace() -> None:
    config, objective = tiny_config(), ObjectiveConfig()
    batch = with_audio(random_batch(12, config), torch.float64)
    harmony = HarmonyConfig(balance=PairBalanceConfig(enabled=True))
    found = []
    for heads in (True, False):
        model = tiny_model(config)
        encoded = encode(model, batch, torch.device("cpu"))
        gathered = gather(encoded, harmony.kernel_branches(model.shared_branches), 0, 1)
        shared = model.shared_branches
        judged = judge(gathered, model.head_stage, objective, harmony, shared, HarmonyState(), 0, heads=heads)
        surrogate(encoded, gathered, judged, model.head_stage, objective).backward()
        found.append(gradients(model))
    assert relative(found[1], found[0]) <= 1e-12


def test_statistics_are_those_of_the_step_alone() -> None:
    config, weights = tiny_config(), PairWeights(video_text=0.0)
    batch = with_audio(random_batch(12, config), torch.float64)
    taken = []
    for heads, looked in ((True, False), (False, False), (True, True)):
        model = tiny_model(config)
        encoded = encode(model, batch, torch.device("cpu"))
        gathered = gather(encoded, (), 0, 1)
        if looked:  # as when pictures of a batch are made, with the heads of all pairs
            model.head_stage(gathered.z, gathered.valid, update_statistics=False)
        objective, plain = ObjectiveConfig(weights=weights), HarmonyConfig(enabled=False)
        shared = model.shared_branches
        judged = judge(gathered, model.head_stage, objective, plain, shared, HarmonyState(), 0, heads=heads)
        surrogate(encoded, gathered, judged, model.head_stage, objective)
        model.head_stage.take_statistics()
        taken.append(torch.cat([b for n, b in model.named_buffers() if "running" in n]))
    assert relative(taken[1], taken[0]) <= 1e-12 and torch.equal(taken[2], taken[0])
