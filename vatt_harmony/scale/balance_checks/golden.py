"""Known inputs and results of each rule's formula."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from vatt_harmony.balance import contrastive, peer_formulas, scores
from vatt_harmony.balance.ratios import behind
from vatt_harmony.balance.rules import agm, cggm, gblend, mlb, mmpareto, mslr, ogm, opm
from vatt_harmony.scale.balance_checks.check import Check, each


def checks() -> Iterator[Check]:
    """Golden values, variants of MLB, Shapley scores, the step errors of accumulation, contrastive pairs."""
    yield from _mlb()
    yield from _peers()
    yield from _variants()
    yield from _accumulation()
    yield from _contrastive()


def _mlb() -> Iterator[Check]:
    here = torch.ones(3, dtype=torch.bool)
    ratio = behind(_double(0.2, 0.4, 0.6), here)
    yield from each("golden", "MLB of three, r", ratio.tolist(), (2.5, 1, 0.5), 3)
    yield from each("golden", "MLB of three, k", mlb.tanh(ratio, 2.0, 2.0).tolist(), (1.995, 1, 0.238), 3)
    regression = behind(_double(0.2, 0.4, 0.6), here, lower_is_better=True)
    yield from each("golden", "MLB on squared errors, r", regression.tolist(), (0.4, 1, 2), 3)


def _peers() -> Iterator[Check]:
    k = agm.coefficient(_double(0.5, 1.0), _double(0.6, 0.9), 1.0, cap=10.0)
    yield from each("golden", "AGM of two, k: the leader is slowed", k.tolist(), (0.7417, 1.1437), 4)
    k = agm.coefficient(_double(0.5, 1.0, 1.5), _double(0.6, 1.0, 1.4), 1.0, cap=7.0)
    yield from each("golden", "AGM of three, k", k.tolist(), (0.7446, 1, 1.0794), 4)
    yield from _mmpareto()
    weights = gblend.blend(
        {"audio": 0.2, "video": 0.1, "fused": 0.3}, {"audio": 0.1, "video": 0.2, "fused": 0.1}
    ).values()
    yield from each("golden", "G-Blend, w", list(weights), (0.3810, 0.0476, 0.5714), 4)
    k = cggm.coefficient(_double(0.10, 0.05, 0.05), 1.3)
    yield from each("golden", "CGGM, k", k.tolist(), (0.65, 0.975, 0.975), 4)
    yield from each("golden", "MSLR, k", [mslr.rate(0.6, [0.4, 0.5, 0.6, 0.5, 0.5], 0.9, 5)], [1.08], 4)
    for kind, wanted in (("scalar", (0.5232, -0.4757)), ("outer", (0.0704, -0.7036)), ("off", (1, 0))):
        projection = peer_formulas.project(torch.eye(2).double(), _double(1.0, 1.0), 0.1, kind)  # type: ignore[arg-type]
        yield from each("golden", f"MLA, {kind}: on and off the diagonal", projection[0].tolist(), wanted, 4)
    rates = opm.drop_rate(_double(2.0, 1.0, 0.5), 0.4, 0.5)
    yield from each("golden", "OPM, q at rho 2, 1, 0.5", rates.tolist(), (0.5523, 0, 0), 4)
    weight = peer_formulas.relearning_weight(0.7, 0.5)
    yield from each("golden", "Diagnosing & Re-learning, w", [weight], [0.5370], 4)


def _mmpareto() -> Iterator[Check]:
    fused, unimodal = _double(1.0, 0.0), _double(-1.0, 1.0)
    weights = mmpareto.pareto_weights(fused, unimodal)
    yield from each("golden", "MMPareto, w", weights.tolist(), (0.6, 0.4), 4)
    combined = 2 * weights[0] * fused + 2 * weights[1] * unimodal
    yield from each("golden", "MMPareto, combined", combined.tolist(), (0.4, 0.8), 4)
    gains = mmpareto.MMPareto(gamma=1.5).path_gains([fused], [unimodal])
    final = gains.tensors[0] * (gains.fused * fused + gains.unimodal * unimodal)
    yield from each("golden", "MMPareto, final", final.tolist(), (0.6708, 1.3416), 4)


def _variants() -> Iterator[Check]:
    ratio = _double(2.5, 1.0, 0.5)
    exact = (1 + 0.5 * 1.5, 1, 1 - math.tanh(0.25))
    yield from each("variants", "linear, alpha 0.5", mlb.linear(ratio, 0.5).tolist(), exact, 9)
    yield from each("variants", "all_linear, alpha 0.5", mlb.all_linear(ratio, 0.5).tolist(), (1.25, 0.5, 0.25), 9)
    own, both = _double(0.2, 0.6), torch.ones(2, dtype=torch.bool)
    q = 1 / (1 + math.exp(-0.4 * 2))
    k = mlb.softmax(own, behind(own, both), both, 2.0)
    wanted = (1 + 2 * (1 - q - 0.5), 1 + math.tanh(2 * (q - 0.5)))
    yield from each("variants", "softmax, alpha 2: the leader is sped up", k.tolist(), wanted, 9)
    k = ogm.slowed(behind(own, both), 0.8)
    yield from each("variants", "ogm on MLB's ratio: who is behind is slowed", k.tolist(), (1 - math.tanh(2.4), 1), 9)
    outputs = {"": (0.1, 0.2), "a": (1.0, 0.3), "v": (0.4, 0.9), "av": (2.0, 1.5)}
    value = {frozenset(names): _double(*numbers) for names, numbers in outputs.items()}
    phi = scores.shapley(value, ("a", "v"))
    yield from each("variants", "Shapley, phi of audio", phi["a"].tolist(), (1.25, 0.35), 9)
    yield from each("variants", "Shapley, phi of video", phi["v"].tolist(), (0.65, 0.95), 9)
    certain = _double(60.0, 0.0).unsqueeze(0)
    divergence = scores.jensen_shannon(certain, certain.flip(-1))
    yield from each("variants", "JSD of opposite certainties", divergence.tolist(), [math.log(2)], 9)


def _accumulation() -> Iterator[Check]:
    """k = .5 put on .grad after each of four micro-batches, as a share of the right norm."""
    for name, micro, wanted in (("equal", torch.ones(4, 1), 0.47), ("orthogonal", torch.eye(4), 0.58)):
        gradient = torch.zeros_like(micro[0])
        for part in micro:
            gradient = (gradient + part) * 0.5
        share = float(gradient.norm() / (0.5 * micro.sum(0)).norm())
        yield from each("accumulation", f"{name} micro-gradients", [share], [wanted], 2)


def _contrastive() -> Iterator[Check]:
    pairs = {("video", "audio"): 0.6, ("video", "text"): 0.3, ("audio", "text"): 0.15}
    s = contrastive.modality_scores(pairs)
    yield from each("contrastive", "s of video, audio, text", [s[m] for m in _VAT], (0.45, 0.375, 0.225), 3)
    values = torch.tensor(list(s.values()), dtype=torch.float64)
    ratio = behind(values, torch.ones(3, dtype=torch.bool))
    yield from each("contrastive", "r of video, audio, text", ratio.tolist(), (0.667, 0.9, 1.833), 3)
    k = contrastive.modality_coefficients(pairs)
    yield from each("contrastive", "k of video, audio, text", [k[m] for m in _VAT], (0.417, 0.803, 1.931), 3)
    two = {pair: q for pair, q in pairs.items() if "video" in pair}
    k = contrastive.modality_coefficients(two)
    yield from each("contrastive", "two pairs: k of video, audio, text", [k[m] for m in _VAT], (1, 0.365, 1.905), 3)
    s = contrastive.modality_scores(two)
    ratio = behind(torch.tensor(list(s.values())), torch.ones(3, dtype=torch.bool))
    yield from each("contrastive", "two pairs: r of video, audio, text", ratio.tolist(), (1, 0.625, 1.75), 3)
    q = torch.tensor(list(pairs.values()), dtype=torch.float64)
    ratio = behind(q, torch.ones(3, dtype=torch.bool))
    yield from each("contrastive", "pair mode, r", ratio.tolist(), (0.375, 1.25, 3), 3)
    by_pair = list(contrastive.pair_coefficients(pairs).values())
    yield from each("contrastive", "pair mode, k", by_pair, (0.152, 1.462, 1.999), 3)
    uniform = float(contrastive.retrieval_probability(torch.zeros(8, 40), torch.eye(8).repeat_interleave(5, 1).bool()))
    chance = contrastive.above_chance(uniform, 1 / 8)
    yield from each("contrastive", "five captions a clip, uniform similarities, above chance", [chance], [0], 6)


_VAT = ("video", "audio", "text")


def _double(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)
