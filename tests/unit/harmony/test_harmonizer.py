"""Numerics, missing gradients, curriculum and state of the harmonizer."""

import json

import pytest
import torch

from vatt_harmony.errors import UserError
from vatt_harmony.harmony import (
    CurriculumConfig,
    HarmonyConfig,
    HarmonyState,
    activation_kernel,
    gram_at_output,
    harmonize,
)

BRANCHES = ("video", "audio", "text")


def two_losses(batch: int = 8, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    u = {
        "video_audio": {"video": draw(batch, 5), "audio": draw(batch, 5)},
        "video_text": {"video": draw(batch, 5), "text": draw(batch, 2, 5)},
    }
    act = {"video": draw(batch, 7), "audio": draw(batch, 7), "text": draw(batch, 2, 7)}
    valid = {pair: torch.ones(batch, dtype=torch.bool) for pair in u}
    return u, act, valid


def run(u, act, valid, step: int = 0, state: HarmonyState | None = None, **options):
    config = HarmonyConfig(**options)
    compared = config.compared(BRANCHES)
    kernel = None if act is None else activation_kernel(act, compared)
    gram = gram_at_output(config.signal, u, kernel, compared)
    return harmonize(u, gram, valid, config, BRANCHES, state or HarmonyState(), step)


def test_degenerate_and_broken_gradients_count_as_missing() -> None:
    u, act, valid = two_losses()
    for branch in ("video", "audio"):
        u["video_audio"][branch][2] *= 1e-6
    u["video_text"]["text"][5] = float("inf")
    result = run(u, act, valid)
    assert result.statistics()["degenerate"] == 2
    assert result.cosines.isnan().nonzero().flatten().tolist() == [2, 5]
    for weight in result.weights.values():
        assert weight[2] == 1 and weight[5] == 1 and weight.isfinite().all()


def test_gradients_that_shrink_with_the_batch_do_not_underflow() -> None:
    u, act, valid = two_losses(batch=4096)
    tiny = {pair: {b: g * 1e-21 for b, g in gradients.items()} for pair, gradients in u.items()}
    expected = run(u, act, valid, signal="representation")
    result = run(tiny, act, valid, signal="representation")
    torch.testing.assert_close(result.cosines, expected.cosines, rtol=0, atol=1e-5)
    assert result.statistics()["degenerate"] == 0


def test_weights_are_bounded() -> None:
    u, act, valid = two_losses()
    u["video_text"] = {b: g * 300 for b, g in u["video_text"].items()}
    free, bound = run(u, act, valid, w_max=1e9), run(u, act, valid)
    assert free.statistics()["weight_max"] > 10 and free.statistics()["clamp_rate"] == 0
    assert bound.statistics()["weight_max"] == 10 and bound.statistics()["clamp_rate"] > 0
    torch.testing.assert_close(bound.weights["video_audio"], free.weights["video_audio"].clamp(max=10))


def test_dropped_samples_send_nothing_down() -> None:
    u, act, valid = two_losses()
    curriculum = CurriculumConfig(kind="quantile", shape="constant", q0=0.5, t0=3)
    assert run(u, act, valid, step=2, curriculum=curriculum).keep.all()
    result = run(u, act, valid, step=3, curriculum=curriculum)
    assert result.keep.sum() == 4 and result.statistics()["kept_share"] == 0.5
    assert result.cosines[~result.keep].amax() < result.cosines[result.keep].amin()
    for cotangent in result.cotangents.values():
        assert not cotangent[~result.keep].any()
    unmasked = run(u, act, valid)
    torch.testing.assert_close(result.cotangents["video"][result.keep], 2 * unmasked.cotangents["video"][result.keep])


def test_vt_only_leaves_the_video_audio_loss_alone() -> None:
    u, act, valid = two_losses()
    curriculum = CurriculumConfig(kind="quantile", shape="constant", q0=0.5, t0=0, drop="vt_only")
    result = run(u, act, valid, curriculum=curriculum)
    dropped = ~result.keep
    assert not result.cotangents["text"][dropped].any()
    torch.testing.assert_close(
        result.cotangents["audio"], u["video_audio"]["audio"] * result.weights["video_audio"][:, None]
    )
    assert torch.equal(result.weights["video_audio"][dropped], run(u, act, valid).weights["video_audio"][dropped])


@pytest.mark.parametrize(("on_empty", "factor"), [("plain", 1.0), ("zero", 0.0)])
def test_all_dropped(on_empty: str, factor: float) -> None:
    u, act, valid = two_losses()
    curriculum = CurriculumConfig(kind="threshold", shape="constant", gamma0=1.0, t0=0, on_empty=on_empty)
    first = run(u, act, valid, curriculum=curriculum)
    unmasked = run(u, act, valid)
    for branch, cotangent in first.cotangents.items():
        assert torch.equal(cotangent, factor * unmasked.cotangents[branch])
    second = run(u, act, valid, curriculum=curriculum, state=first.state)
    assert second.state.state_dict() == {"version": 2, "empty_steps": 2, "gradvac_target": None}


def test_state_is_json_and_versioned() -> None:
    state = HarmonyState(empty_steps=torch.tensor(3))
    assert HarmonyState.from_state_dict(json.loads(json.dumps(state.state_dict()))).state_dict() == state.state_dict()
    with pytest.raises(UserError, match="version 7"):
        HarmonyState.from_state_dict({"version": 7})


def test_statistics_of_a_worked_case() -> None:
    batch = 4
    zero = torch.zeros(batch, 1, 2)
    first = torch.tensor([[1.0, 0], [1, 0], [1, 0], [1, 0]])
    second = torch.tensor([[2.0, 0], [2, 0], [-2, 0], [1, 1]])
    u = {
        "video_audio": {"video": first, "audio": torch.zeros(batch, 2)},
        "video_text": {"video": second, "text": zero},
    }
    valid = {"video_audio": torch.ones(batch, dtype=torch.bool), "video_text": torch.arange(batch) != 3}
    result = run(u, None, valid, signal="representation")
    assert result.cosines[:3].tolist() == [1, 1, -1] and result.cosines[3].isnan()
    expected = {
        "cosine_mean": 1 / 3,
        "cosine_sd": (8 / 9) ** 0.5,
        "negative_share": 1 / 3,
        "pair_share": 3 / 4,
        "kept_share": 1.0,
        "weight_mean": (4 * 1 + 3.0 + 1.5) / 6,
        "weight_max": 3.0,
        "clamp_rate": 0.0,
        "norm_ratio": 2.0,
        "degenerate": 0,
    }
    assert {name: float(value) for name, value in result.statistics().items()} == pytest.approx(expected)


def test_half_precision_activations_and_autocast() -> None:
    u, act, valid = two_losses()
    half = {branch: a.to(torch.bfloat16) for branch, a in act.items()}
    expected = run(u, {branch: a.float() for branch, a in half.items()}, valid)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = run(u, half, valid)
    assert torch.equal(result.cosines, expected.cosines) and result.cotangents["video"].dtype == torch.float32


def test_what_cannot_be_compared_is_refused() -> None:
    u, act, valid = two_losses()
    with pytest.raises(UserError, match="activations"):
        run(u, None, valid)
    with pytest.raises(UserError, match="fewer than two"):
        run({"video_audio": u["video_audio"]}, act, {"video_audio": valid["video_audio"]})
    with pytest.raises(UserError, match="fewer than two"):
        harmonize(u, torch.zeros(8, 2, 2), valid, HarmonyConfig(), ("audio",), HarmonyState(), 0)


@pytest.mark.parametrize("signal", ["last_linear", "representation"])
def test_never_waits_for_the_device(signal: str) -> None:
    config = HarmonyConfig(
        signal=signal,  # type: ignore[arg-type]
        curriculum=CurriculumConfig(kind="quantile", q0=0.0, q1=0.5, t0=0, t1=10),
    )
    u, act, valid = two_losses()
    u = {pair: {branch: g.to("meta") for branch, g in gradients.items()} for pair, gradients in u.items()}
    act, valid = ({name: x.to("meta") for name, x in tensors.items()} for tensors in (act, valid))
    gram = gram_at_output(signal, u, activation_kernel(act, BRANCHES), BRANCHES)
    result = harmonize(u, gram, valid, config, BRANCHES, HarmonyState(), 3)  # a meta tensor has no value to wait for
    everything = [*result.cotangents.values(), *result.weights.values(), *result.statistics().values(), result.keep]
    assert {tensor.device.type for tensor in everything} == {"meta"}
