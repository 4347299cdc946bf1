"""The surrogate's gradient is the sum of realigned per-sample gradients, or plain training's if nothing is realigned."""

from dataclasses import replace

import pytest
import torch
from support.batches import random_batch, tiny_config, tiny_model, tiny_specific

from vatt_harmony.engine.encode import Encoded, encode
from vatt_harmony.engine.surrogate import Judged, gather, judge, surrogate
from vatt_harmony.harmony.config import CurriculumConfig, HarmonyConfig
from vatt_harmony.harmony.harmonizer import HarmonyState
from vatt_harmony.model.config import ModelConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.objective.objective import pair_losses
from vatt_harmony.stream.batch import Batch

CPU = torch.device("cpu")
QUANTILE = CurriculumConfig(kind="quantile", q0=0.3, t0=0, shape="constant")


def harmonized(model: Vatt, batch: Batch, harmony: HarmonyConfig) -> tuple[Encoded, Judged]:
    """Fill `model`'s gradients by one step of the package."""
    objective = ObjectiveConfig()
    model.zero_grad(set_to_none=True)
    encoded = encode(model, batch, CPU)
    gathered = gather(encoded, harmony.kernel_branches(model.shared_branches), 0, 1)
    judged = judge(gathered, model.head_stage, objective, harmony, model.shared_branches, HarmonyState(), 0)
    surrogate(encoded, gathered, judged, model.head_stage, objective).backward()
    return encoded, judged


def plain(model: Vatt, batch: Batch) -> None:
    """Fill `model`'s gradients by an ordinary backward of the total loss."""
    model.zero_grad(set_to_none=True)
    encoded = encode(model, batch, CPU)
    z = {branch: encoded.spread(branch, rows) for branch, rows in encoded.z.items()}
    losses = pair_losses(model.head_stage(z, encoded.valid, update_statistics=True), encoded.valid, ObjectiveConfig())
    losses.total.backward()


def gradients(model: Vatt, part: str = "") -> torch.Tensor:
    """All gradients of parameters whose name begins with `part`, flat."""
    return torch.cat(
        [
            (torch.zeros_like(p) if p.grad is None else p.grad).flatten().clone()
            for name, p in model.named_parameters()
            if name.startswith(part)
        ]
    )


def relative(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


def double(batch: Batch, dtype: torch.dtype) -> Batch:
    return replace(batch, audio=batch.audio.to(dtype))


@pytest.mark.parametrize(
    "config", [tiny_config(), tiny_specific(), tiny_config(heads="paper"), tiny_config(checkpointing=True)]
)
def test_realigned_update_is_the_explicit_sum_of_per_sample_gradients(config: ModelConfig) -> None:
    model, batch = tiny_model(config), double(random_batch(16, config, seed=1), torch.float64)
    harmony = HarmonyConfig(curriculum=QUANTILE)
    _, judged = harmonized(model, batch, harmony)
    found = gradients(model)
    assert judged.harmonized is not None
    weights = torch.stack(list(judged.harmonized.weights.values()))
    assert (weights - 1).abs().gt(1e-3).any(dim=0).double().mean() >= 0.2

    # The explicit way: per loss and per sample, all that flows through the sample's own rows of z, then the sum.
    encoded = encode(model, batch, CPU)
    z = {branch: encoded.spread(branch, rows) for branch, rows in encoded.z.items()}
    losses = pair_losses(model.head_stage(z, encoded.valid, update_statistics=False), encoded.valid, ObjectiveConfig())
    trunk = [p for name, p in model.named_parameters() if not name.startswith("head_stage")]
    total = torch.zeros_like(gradients(model, "tokens")).new_zeros(sum(p.numel() for p in trunk))
    scaled = model.shared_branches
    for pair, term in losses.terms.items():
        at_z = torch.autograd.grad(term, list(z.values()), retain_graph=True, allow_unused=True)
        for branch, gradient in zip(z, at_z, strict=True):
            if gradient is None:
                continue
            for i in range(len(batch)):
                one = torch.zeros_like(gradient)
                one[i] = gradient[i]
                flat = torch.autograd.grad(z[branch], trunk, one, retain_graph=True, allow_unused=True)
                g = torch.cat(
                    [(torch.zeros_like(p) if x is None else x).flatten() for p, x in zip(trunk, flat, strict=True)]
                )
                weight = judged.harmonized.weights[pair][i] if branch in scaled else _private(judged, pair, i)
                total += weight * g
    own = torch.cat([gradients(model, "tokens."), gradients(model, "encoders.")])
    order = [name for name, _ in model.named_parameters() if not name.startswith("head_stage")]
    assert order == [n for n, _ in model.named_parameters() if n.startswith(("tokens.", "encoders."))]
    assert len(own) == len(total)
    assert relative(found[: len(total)], total) <= 1e-9


def _private(judged: Judged, pair: str, row: int) -> float:
    """A private tower sees one loss: it is dropped or normalised by the curriculum, never realigned."""
    harmonized_ = judged.harmonized
    assert harmonized_ is not None
    if harmonized_.cosines[row].isnan():
        return 1.0
    kept = harmonized_.keep[~harmonized_.cosines.isnan()].double().mean()
    return float(harmonized_.keep[row] / kept)


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("harmony", [HarmonyConfig(rule="sum"), HarmonyConfig(enabled=False)])
def test_sum_without_curriculum_is_plain_training(dtype: torch.dtype, bound: float, harmony: HarmonyConfig) -> None:
    config = tiny_config()
    one, two = tiny_model(config, dtype=dtype), tiny_model(config, dtype=dtype)
    batch = double(random_batch(12, config), dtype)
    harmonized(one, batch, harmony)
    plain(two, batch)
    assert relative(gradients(one), gradients(two)) <= bound
    statistics = [[b for n, b in m.named_buffers() if "running" in n] for m in (one, two)]
    assert all(torch.equal(a, b) for a, b in zip(*statistics, strict=True))


def test_realignment_changes_the_trunk_but_never_the_heads() -> None:
    config = tiny_config()
    one, two = tiny_model(config), tiny_model(config)
    batch = double(random_batch(12, config), torch.float64)
    harmonized(one, batch, HarmonyConfig())
    plain(two, batch)
    assert relative(gradients(one, "encoders"), gradients(two, "encoders")) > 1e-3
    assert relative(gradients(one, "head_stage"), gradients(two, "head_stage")) <= 1e-12


def test_a_batch_without_any_pair_has_loss_and_gradient_zero() -> None:
    config = tiny_config()
    model = tiny_model(config)
    batch = double(random_batch(6, config), torch.float64)
    alone = replace(batch, audio_mask=torch.zeros(6, dtype=torch.bool), text_mask=torch.zeros(6, 3, dtype=torch.bool))
    _, judged = harmonized(model, alone, HarmonyConfig(curriculum=QUANTILE))
    assert judged.losses.total == 0
    assert torch.equal(gradients(model), torch.zeros_like(gradients(model)))
