"""Grams of the signals that need the trunk equal explicit gradients, sample by sample, by plain autograd."""

import pytest
import torch
from support.batches import random_batch, tiny_config, tiny_model, tiny_specific, with_audio
from torch import Tensor, nn

from vatt_harmony.engine.encode import Encoded, encode
from vatt_harmony.engine.surrogate import Gathered, differentiate, gather
from vatt_harmony.engine.trunk_signals import check_signal, keeping, trunk_gram, trunk_gram_of
from vatt_harmony.errors import UserError
from vatt_harmony.harmony.config import CurriculumConfig, HarmonyConfig
from vatt_harmony.harmony.ledger_config import LedgerConfig
from vatt_harmony.model.encoder import Encoder
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.objective.config import ObjectiveConfig, PairWeights

THREE = ObjectiveConfig(weights=PairWeights(audio_text=0.5))
MODELS = {
    "agnostic": tiny_config(audio_text_head=True),
    "checkpointing": tiny_config(audio_text_head=True, checkpointing=True),
    "specific": tiny_specific(audio_text_head=True),
}
CPU = torch.device("cpu")


def step(name: str, harmony: HarmonyConfig, missing: bool = True) -> tuple[Vatt, Encoded, Gathered, dict, Tensor]:
    """Model, its forward, the losses' gradients u, and the signal's Gram."""
    model = tiny_model(MODELS[name])
    batch = with_audio(random_batch(8, MODELS[name], seed=4, missing=missing), torch.float64)
    with keeping(model, harmony) as kept:
        encoded = encode(model, batch, CPU)
    gathered = gather(encoded, (), 0, 1)
    u = differentiate(gathered, model.head_stage, THREE).u
    gram = trunk_gram(u, model, harmony, encoded, kept, gathered)
    assert not kept
    return model, encoded, gathered, u, gram


def explicit(
    model: Vatt, encoded: Encoded, u: dict, branches: tuple[str, ...], parameters: list[nn.Parameter]
) -> Tensor:
    """Each sample's gradient of each loss, `[B, M, parameters]`: all that flows through its own rows of z."""
    samples = len(encoded.valid["video"])
    found = []
    for sample in range(samples):
        for gradients in u.values():
            ends = {b: encoded.spread(b, encoded.z[b])[sample] for b in branches if b in gradients}
            cotangents = [gradients[b][sample] for b in ends]
            grads = [torch.zeros_like(p) for p in parameters]
            if ends:
                grads = torch.autograd.grad(
                    list(ends.values()), parameters, cotangents, retain_graph=True, materialize_grads=True
                )
            found.append(torch.cat([g.flatten() for g in grads]))
    return torch.stack(found).view(samples, len(u), -1)


def encoder_of(model: Vatt) -> Encoder:
    encoder = model.encoders[model.encoder_of("video")]
    assert isinstance(encoder, Encoder)
    return encoder


@pytest.mark.parametrize("branches", ["all", "video"])
@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("signal", ["last_block", "exact"])
def test_gram_is_that_of_explicit_gradients(signal: str, name: str, branches: str) -> None:
    harmony = HarmonyConfig(signal=signal, branches=branches)
    model, encoded, _, u, gram = step(name, harmony)
    blocks = encoder_of(model).blocks if signal == "exact" else encoder_of(model).blocks[-1:]
    compared = harmony.compared(model.shared_branches)
    gradients = explicit(model, encoded, u, compared, list(blocks.parameters()))
    wanted = gradients @ gradients.mT
    assert gram.shape == (8, 3, 3)
    wanted = wanted * len(gram) ** 2
    assert (gram - wanted).abs().max() <= 1e-10 * wanted.abs().max()
    # A sample without text sends gradients of video_text all the same: as a negative of others.
    assert (wanted[0, 1, 1] > 0) and not encoded.valid["text"][0].any()


def test_batch_is_one_gram_of_the_summed_gradients() -> None:
    model, encoded, _, u, gram = step("checkpointing", HarmonyConfig(signal="batch"))
    parameters = list(encoder_of(model).parameters())
    gradients = explicit(model, encoded, u, model.shared_branches, parameters).sum(dim=0)
    wanted = (gradients @ gradients.T).expand(8, 3, 3)
    assert (gram - wanted).abs().max() <= 1e-10 * wanted.abs().max()


def test_parameters_get_no_gradient_and_the_step_can_go_on() -> None:
    for signal in ("last_block", "exact", "batch"):
        model, encoded, _, _, _ = step("agnostic", HarmonyConfig(signal=signal))
        assert all(parameter.grad is None for parameter in model.parameters())
        torch.autograd.backward([z.sum() for z in encoded.z.values()])


def test_a_batch_without_any_sound_has_no_gradient_of_it() -> None:
    model = tiny_model(MODELS["agnostic"])
    batch = with_audio(random_batch(4, MODELS["agnostic"], missing=False), torch.float64)
    batch.audio_mask[:] = False
    for signal in ("last_block", "exact", "batch"):
        harmony = HarmonyConfig(signal=signal)
        with keeping(model, harmony) as kept:
            encoded = encode(model, batch, CPU)
        gathered = gather(encoded, (), 0, 1)
        u = differentiate(gathered, model.head_stage, THREE).u
        gram = trunk_gram(u, model, harmony, encoded, kept, gathered)
        assert gram.isfinite().all() and (gram[:, 1, 1] > 0).all()
        assert not gram[:, [0, 2]].any()


def test_half_precision_loses_no_small_gradients() -> None:
    config = MODELS["agnostic"]
    model = tiny_model(config, dtype=torch.float16)
    batch = with_audio(random_batch(6, config, missing=False), torch.float16)
    harmony = HarmonyConfig(signal="exact")
    grams = []
    for scale in (1.0, 1e-6):
        with keeping(model, harmony) as kept:
            encoded = encode(model, batch, CPU)
        gathered = gather(encoded, (), 0, 1)
        u = differentiate(gathered, model.head_stage, THREE).u
        small = {loss: {branch: g * scale for branch, g in gradients.items()} for loss, gradients in u.items()}
        grams.append(trunk_gram(small, model, harmony, encoded, kept, gathered) / scale**2)
    assert grams[0].dtype == torch.float32
    torch.testing.assert_close(grams[1], grams[0], rtol=1e-3, atol=0.0)


@pytest.mark.parametrize("signal", ["exact", "batch"])
@pytest.mark.parametrize("stage", [2, 3])
def test_signals_that_a_stage_cannot_give_are_refused(signal: str, stage: int) -> None:
    with pytest.raises(UserError, match=f"{signal} at ZeRO stage {stage}.*Use ZeRO stage 0 or 1"):
        check_signal(HarmonyConfig(signal=signal), stage, 0.0, 0)
    check_signal(HarmonyConfig(signal=signal), 1, 0.0, 0)
    check_signal(HarmonyConfig(signal=signal, enabled=False), stage, 0.0, 0)
    check_signal(HarmonyConfig(signal="last_block"), stage, 0.0, 0)


@pytest.mark.parametrize("signal", ["last_block", "exact"])
def test_dropout_is_refused_where_blocks_run_twice(signal: str) -> None:
    with pytest.raises(UserError, match=r"model\.dropout is 0\.1"):
        check_signal(HarmonyConfig(signal=signal), 0, 0.1, 0)
    check_signal(HarmonyConfig(signal="batch"), 0, 0.1, 0)


def test_signals_at_the_trunks_output_need_nothing_of_it() -> None:
    model = tiny_model(MODELS["agnostic"])
    batch = with_audio(random_batch(4, MODELS["agnostic"]), torch.float64)
    for signal, needed in (("last_linear", False), ("representation", False), ("exact", True), ("batch", True)):
        harmony = HarmonyConfig(signal=signal)
        with keeping(model, harmony) as kept:
            encoded = encode(model, batch, CPU)
        gram_of = trunk_gram_of(model, harmony, encoded, kept, gather(encoded, (), 0, 1))
        assert (gram_of is not None) == needed == bool(kept)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_two_passes_and_curricula_of_the_batch_are_refused() -> None:
    for signal in ("last_block", "exact", "batch"):
        with pytest.raises(UserError, match=r"engine\.chunk is 4"):
            check_signal(HarmonyConfig(signal=signal), 0, 0.0, 4)
    check_signal(HarmonyConfig(), 3, 0.0, 4)
    curriculum = CurriculumConfig(kind="quantile", q0=0.1, t0=0, shape="constant")
    with pytest.raises(UserError, match="says nothing of a sample"):
        check_signal(HarmonyConfig(signal="batch", curriculum=curriculum), 0, 0.0, 0)
    with pytest.raises(UserError, match=r"ledger\.enabled true"):
        check_signal(HarmonyConfig(signal="batch", ledger=LedgerConfig(enabled=True)), 0, 0.0, 0)
