"""The harmonizer against explicit per-sample gradients of a model with batch norm and global negatives."""

import pytest
import torch
from torch import Tensor

from vatt_harmony.harmony import CurriculumConfig, Harmonized, HarmonyConfig, HarmonyState, gram_at_output, harmonize
from vatt_harmony.harmony.signals import activation_kernel, last_linear, representation

EXACT = {"rtol": 1e-10, "atol": 1e-13}
SETTINGS = [
    {"three_losses": False},
    {"three_losses": True},
    {"specific": True},
    {"specific": True, "three_losses": True},
]


def run(toy, config: HarmonyConfig, step: int = 0) -> tuple[Harmonized, dict, dict]:
    u, act, z = toy.cotangents()
    return harmonized(toy, u, act, config, step), u, z


def harmonized(toy, u, act, config: HarmonyConfig, step: int = 0, valid=None) -> Harmonized:
    compared = config.compared(toy.shared)
    gram = gram_at_output(config.signal, u, activation_kernel(act, compared), compared)
    return harmonize(u, gram, valid or toy.pair_valid(), config, toy.shared, HarmonyState(), step)


def pulled_back(toy, cotangents: dict[str, Tensor], z: dict[str, Tensor]) -> Tensor:
    """One backward of the trunk from all cotangents."""
    gradients = torch.autograd.grad([z[b] for b in cotangents], toy.parameters(), list(cotangents.values()))
    return torch.cat([g.flatten() for g in gradients])


@pytest.mark.parametrize("setting", SETTINGS)
def test_per_sample_gradients_add_up_to_the_full_gradient(make_toy, setting) -> None:
    toy = make_toy(**setting)
    u, _, z = toy.cotangents()
    for pair, loss in toy.losses(z).items():
        full = torch.autograd.grad(loss, toy.parameters(), retain_graph=True, allow_unused=True, materialize_grads=True)
        full = torch.cat([g.flatten() for g in full])
        torch.testing.assert_close(toy.per_sample(u[pair], toy.parameters()).sum(0), full, **EXACT)


@pytest.mark.parametrize("signal", ["last_linear", "representation"])
@pytest.mark.parametrize("branches", ["all", "video"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_one_backward_equals_reweighted_per_sample_gradients(make_toy, setting, branches, signal) -> None:
    toy = make_toy(**setting)
    config = HarmonyConfig(signal=signal, branches=branches, w_max=1.5)
    result, u, z = run(toy, config)
    scaled = toy.shared if branches == "all" else ("video",)
    expected: Tensor | float = 0.0
    for pair, gradients in u.items():
        realigned = {b: g for b, g in gradients.items() if b in scaled}
        private = {b: g for b, g in gradients.items() if b not in scaled}
        expected += result.weights[pair] @ toy.per_sample(realigned, toy.parameters()) if realigned else 0
        expected += toy.per_sample(private, toy.parameters()).sum(0) if private else 0
    torch.testing.assert_close(pulled_back(toy, result.cotangents, z), expected, **EXACT)
    assert torch.stack(list(result.weights.values())).ne(1).any(0).double().mean() >= 0.2
    assert result.statistics()["weight_max"] <= 1.5


@pytest.mark.parametrize("three_losses", [False, True])
def test_realigned_gradient_of_the_compared_matrix_is_vector_pcgrad(make_toy, three_losses, projected_sum) -> None:
    toy = make_toy(three_losses=three_losses)
    result, u, z = run(toy, HarmonyConfig(w_max=float("inf")))
    matrix = toy.trunks["video"][2:]
    rows = {pair: toy.per_sample(u[pair], matrix) for pair in u}
    valid = toy.pair_valid()
    expected = torch.zeros_like(rows["video_text"][0])
    for i in range(len(valid["video_text"])):
        own = [rows[pair][i] for pair in u if valid[pair][i]]
        rest = [rows[pair][i] for pair in u if not valid[pair][i]]
        expected = expected + projected_sum(torch.stack(own)) + sum(rest)
    assert result.statistics()["negative_share"] > 0.2
    (actual,) = torch.autograd.grad([z[b] for b in result.cotangents], matrix, list(result.cotangents.values()))
    torch.testing.assert_close(actual.flatten(), expected, **EXACT)


@pytest.mark.parametrize("setting", SETTINGS)
def test_last_linear_is_the_gram_of_that_matrix(make_toy, setting) -> None:
    toy = make_toy(**setting)
    u, act, _ = toy.cotangents()
    matrix = toy.trunks["video"][2:]
    compared = {p: {b: g for b, g in gradients.items() if b in toy.shared} for p, gradients in u.items()}
    zero = torch.zeros(len(act["video"]), matrix[0].numel(), dtype=torch.float64)
    rows = torch.stack([toy.per_sample(g, matrix) if g else zero for g in compared.values()], dim=1)
    gram = last_linear(u, activation_kernel(act, toy.shared), toy.shared) / len(rows) ** 2
    torch.testing.assert_close(gram, rows @ rows.mT, **EXACT)


def test_last_linear_of_one_tower_has_the_cosine_of_its_representation(make_toy) -> None:
    toy = make_toy(specific=True)
    last, *_ = run(toy, HarmonyConfig(signal="last_linear"))
    plain, *_ = run(toy, HarmonyConfig(signal="representation", branches="video"))
    torch.testing.assert_close(last.cosines, plain.cosines, equal_nan=True, **EXACT)


def test_representation_is_summed_over_branches_and_candidates(make_toy) -> None:
    toy = make_toy()
    u, _, _ = toy.cotangents()
    va, vt = u["video_audio"], u["video_text"]
    gram = representation(u, None, toy.shared) / len(va["video"]) ** 2
    torch.testing.assert_close(gram[:, 0, 0], va["video"].square().sum(1) + va["audio"].square().sum(1))
    torch.testing.assert_close(gram[:, 1, 1], vt["video"].square().sum(1) + vt["text"].square().sum((1, 2)))
    torch.testing.assert_close(gram[:, 0, 1], (va["video"] * vt["video"]).sum(1))


def test_projection_mirrors_the_conflict(make_toy) -> None:
    toy = make_toy()
    result, u, _ = run(toy, HarmonyConfig(w_max=float("inf")))
    rows = torch.stack([toy.per_sample(u[pair], toy.trunks["video"][2:]) for pair in u], dim=1)
    conflicting = (result.cosines < 0).nonzero().flatten().tolist()
    assert len(conflicting) >= 2
    for i in conflicting:
        g, h = rows[i]
        p, q = g - (g @ h) / (h @ h) * h, h - (g @ h) / (g @ g) * g
        weighted = sum(result.weights[pair][i] * row for pair, row in zip(u, rows[i], strict=True))
        torch.testing.assert_close(weighted, p + q, **EXACT)
        cosine = torch.cosine_similarity(p, q, dim=0)
        torch.testing.assert_close(cosine, -result.cosines[i], **EXACT)
        torch.testing.assert_close(weighted @ g, (g @ g) * (1 - cosine**2), **EXACT)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("setting", SETTINGS)
def test_rule_sum_without_curriculum_is_plain_training_to_the_bit(make_toy, setting, dtype) -> None:
    toy = make_toy(**setting)
    u, act, _ = toy.cotangents()
    u = {pair: {b: g.to(dtype) for b, g in gradients.items()} for pair, gradients in u.items()}
    result = harmonized(toy, u, act, HarmonyConfig(rule="sum"))
    for branch, cotangent in result.cotangents.items():
        first, *rest = (gradients[branch] for gradients in u.values() if branch in gradients)
        for gradient in rest:
            first = first + gradient
        assert cotangent.dtype == dtype and torch.equal(cotangent, first)


@pytest.mark.parametrize("kind", ["none", "threshold", "quantile"])
def test_sample_without_text_is_kept_and_unscaled(make_toy, kind) -> None:
    toy = make_toy()
    numbers = {"threshold": {"gamma0": 1.0}, "quantile": {"q0": 1.0}, "none": {}}[kind]
    schedule = {"shape": "constant", "t0": 0} if numbers else {}
    result, u, _ = run(toy, HarmonyConfig(curriculum=CurriculumConfig(kind=kind, **numbers, **schedule)))
    lone = (~toy.pair_valid()["video_text"]).nonzero().flatten()
    assert len(lone) >= 2
    for pair in u:
        assert torch.equal(result.weights[pair][lone], torch.ones(len(lone), dtype=torch.float64))
    assert result.keep[lone].all() and result.cosines[lone].isnan().all()
    assert u["video_text"]["video"][lone].any(dim=1).all(), "its video is a negative for other samples' texts"
    expected = u["video_audio"]["video"] + u["video_text"]["video"]
    assert torch.equal(result.cotangents["video"][lone], expected[lone])


def test_batch_without_text(make_toy) -> None:
    toy = make_toy()
    toy.valid["text"] = torch.zeros_like(toy.valid["text"])
    quantile = CurriculumConfig(kind="quantile", shape="constant", q0=0.5, t0=0)
    result, u, _ = run(toy, HarmonyConfig(curriculum=quantile))
    assert torch.equal(result.cotangents["video"], u["video_audio"]["video"])
    assert not result.cotangents["text"].any() and result.keep.all()
    assert result.statistics()["pair_share"] == 0 and result.statistics()["cosine_mean"].isnan()


def test_a_third_loss_that_is_masked_gives_the_result_of_two(make_toy) -> None:
    toy = make_toy(three_losses=True)
    u, act, _ = toy.cotangents()
    valid = toy.pair_valid()
    valid["audio_text"] = torch.zeros_like(valid["audio_text"])
    three = harmonized(toy, u, act, HarmonyConfig(), valid=valid)
    del u["audio_text"], valid["audio_text"]
    two = harmonized(toy, u, act, HarmonyConfig(), valid=valid)
    torch.testing.assert_close(three.cosines, two.cosines, equal_nan=True, **EXACT)
    for pair in two.weights:
        torch.testing.assert_close(three.weights[pair], two.weights[pair], **EXACT)


@pytest.mark.parametrize("signal", ["last_linear", "representation"])
def test_scaling_the_losses(make_toy, signal) -> None:
    toy = make_toy(three_losses=True)
    u, act, _ = toy.cotangents()
    config = HarmonyConfig(signal=signal, w_max=float("inf"))

    def scaled(*factors: float) -> Harmonized:
        changed = {p: {b: g * f for b, g in u[p].items()} for p, f in zip(u, factors, strict=True)}
        return harmonized(toy, changed, act, config)

    once, together, apart = scaled(1, 1, 1), scaled(1e-5, 1e-5, 1e-5), scaled(1, 3, 1)
    for other in (together, apart):
        torch.testing.assert_close(other.cosines, once.cosines, equal_nan=True, **EXACT)
    for pair in u:
        torch.testing.assert_close(together.weights[pair], once.weights[pair], **EXACT)
    assert not torch.allclose(apart.weights["video_audio"], once.weights["video_audio"])
