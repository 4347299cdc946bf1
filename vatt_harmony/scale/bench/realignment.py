"""Row 01.7: one backward gives the explicit sum of realigned per-sample gradients, and plain training's under `sum`."""

import torch
from torch import Tensor

from vatt_harmony.engine.encode import encode
from vatt_harmony.engine.surrogate import Judged
from vatt_harmony.figures import Figure
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.model.config import ModelConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.objective.objective import pair_losses
from vatt_harmony.scale.bench.harmonized import (
    OBJECTIVE,
    QUANTILE,
    gradients,
    harmonized_backward,
    plain_backward,
    relative,
)
from vatt_harmony.scale.bench.suite import Options, Row, measured, measures
from vatt_harmony.scale.tiny import random_batch, tiny_config, tiny_model, tiny_specific, with_audio
from vatt_harmony.stream.batch import Batch

CONFIGS = (tiny_config(), tiny_specific(), tiny_config(heads="paper"), tiny_config(checkpointing=True))


def realignment_error(config: ModelConfig) -> tuple[float, float]:
    """Relative error of the trunk's gradient in fp64, and the share of samples with a weight other than 1."""
    model, batch = tiny_model(config), with_audio(random_batch(16, config, seed=1), torch.float64)
    judged = harmonized_backward(model, batch, HarmonyConfig(curriculum=QUANTILE))
    found = torch.cat([gradients(model, part) for part in ("tokens.", "encoders.")])
    assert judged.harmonized is not None
    weights = torch.stack(list(judged.harmonized.weights.values()))
    share = (weights - 1).abs().gt(1e-3).any(dim=0).double().mean()
    return relative(found, explicit_sum(model, batch, judged)), float(share)


def explicit_sum(model: Vatt, batch: Batch, judged: Judged) -> Tensor:
    """The oracle: per loss, branch and sample, what flows through the sample's own rows of z, weighted, added up."""
    encoded = encode(model, batch, torch.device("cpu"))
    z = {branch: encoded.spread(branch, rows) for branch, rows in encoded.z.items()}
    losses = pair_losses(model.head_stage(z, encoded.valid, update_statistics=False), encoded.valid, OBJECTIVE)
    trunk = [*model.tokens.parameters(), *model.encoders.parameters()]
    total = torch.zeros(sum(p.numel() for p in trunk), dtype=torch.float64)
    for pair, term in losses.terms.items():
        at_z = torch.autograd.grad(term, list(z.values()), retain_graph=True, materialize_grads=True, allow_unused=True)
        for branch, gradient in zip(z, at_z, strict=True):
            for i in range(len(batch)):
                one = torch.zeros_like(gradient)
                one[i] = gradient[i]
                parts = torch.autograd.grad(
                    z[branch], trunk, one, retain_graph=True, allow_unused=True, materialize_grads=True
                )
                weight = _weight(judged, pair, i, realigned=branch in model.shared_branches)
                total += weight * torch.cat([part.flatten() for part in parts])
    return total


def plain_error(dtype: torch.dtype, harmony: HarmonyConfig) -> float:
    """Relative difference of all gradients between the package's step and ordinary training."""
    config = tiny_config()
    one, two = tiny_model(config, dtype=dtype), tiny_model(config, dtype=dtype)
    batch = with_audio(random_batch(12, config), dtype)
    harmonized_backward(one, batch, harmony)
    plain_backward(two, batch)
    return relative(gradients(one), gradients(two))


def _weight(judged: Judged, pair: str, row: int, realigned: bool) -> float:
    """A private tower sees one loss: it is dropped or normalised by the curriculum, never realigned."""
    result = judged.harmonized
    assert result is not None
    if realigned:
        return float(result.weights[pair][row])
    if result.cosines[row].isnan():
        return 1.0
    return float(result.keep[row] / result.keep[~result.cosines.isnan()].double().mean())


MEASURES = measures(
    "01.7",
    ("realigned update against the explicit sum of per-sample gradients, fp64, largest relative error", "<= 1e-9", ""),
    ("least share of those samples with a weight other than 1", ">= 0.2", ""),
    ("rule sum without curriculum against plain training, fp64, relative error", "<= 1e-12", ""),
    ("rule sum without curriculum against plain training, fp32, relative error", "<= 1e-5", ""),
)


def run(options: Options) -> list[Figure]:
    """Four models; then the same code path with nothing to realign."""
    errors, shares = zip(*(realignment_error(config) for config in CONFIGS), strict=True)
    same = [plain_error(dtype, HarmonyConfig(rule="sum")) for dtype in (torch.float64, torch.float32)]
    return measured(MEASURES, max(errors), min(shares), *same)


ROW = Row(
    id="01.7", title="realigned update against per-sample gradients", takes="ten seconds", measures=MEASURES, run=run
)
