"""Samples that lack a modality, and batches that lack it altogether."""

import copy

import pytest
import torch
from support.balanced import balanced, batch, gradients
from torch.nn import functional as F

from vatt_harmony.balance import MLB, OGM, PMR, Constant, MMCosine, MultiLoss, Rule

THREE = ("audio", "video", "text")


def test_scores_and_losses_are_over_the_samples_that_have_the_modality() -> None:
    inputs, targets = batch(12)
    audio = torch.arange(12) < 5
    balancer = balanced(MLB())
    output = balancer(**inputs)
    loss, report = balancer.loss(output, targets, {"audio": audio})
    heads = {name: F.cross_entropy(output.unimodal[name][chosen], targets[chosen]).item()
             for name, chosen in (("audio", audio), ("video", torch.ones(12, dtype=torch.bool)))}  # fmt: skip
    probability = output.unimodal["audio"].softmax(1)[torch.arange(12), targets][audio].mean().item()
    assert report.evidence.losses.tolist() == pytest.approx(list(heads.values()), rel=1e-5)
    assert report.evidence.scores[0].item() == pytest.approx(probability, rel=1e-5)
    assert loss.item() == pytest.approx(F.cross_entropy(output.logits, targets).item() + sum(heads.values()), rel=1e-5)


def test_a_modality_that_nobody_has_gets_k_1_and_leaves_the_others_to_balance() -> None:
    inputs, targets = batch(12, modalities=THREE)
    nobody = torch.zeros(12, dtype=torch.bool)
    two, three = balanced(MLB()), balanced(MLB(), THREE)
    three.heads.load_state_dict(
        two.heads.state_dict() | {n: v for n, v in three.heads.state_dict().items() if "text" in n}
    )
    for name in ("audio", "video"):
        three.model.encoders[name].load_state_dict(two.model.encoders[name].state_dict())
    _, report = three.loss(three(**inputs), targets, {"text": nobody})
    _, alone = two.loss(two(**{name: inputs[name] for name in ("audio", "video")}), targets)
    assert report.k.tolist() == pytest.approx([*alone.k.tolist(), 1.0], rel=1e-6)
    assert "score/text" not in report.scalars() and report.scalars()["k/text"] == 1


def test_one_modality_alone_is_not_balanced() -> None:
    inputs, targets = batch(12)
    for rule in (MLB(), Constant({"audio": 3.0, "video": 0.5})):
        balancer = balanced(rule)
        _, report = balancer.loss(balancer(**inputs), targets, {"video": torch.zeros(12, dtype=torch.bool)})
        assert report.k.tolist() == [1.0, 1.0]
    single = balanced(MLB(), ("audio",))
    _, report = single.loss(single(audio=inputs["audio"]), targets)
    assert report.k.tolist() == [1.0]


def test_an_encoder_may_stay_idle_where_no_sample_has_its_modality() -> None:
    balancer = balanced(MultiLoss())
    model, forward = balancer.model, balancer.model.forward
    inputs, targets = batch(12)
    gradients(balancer, (inputs, targets))

    def without_video(audio, video):
        return model.fusion(torch.cat((model.encoders["audio"](audio), torch.zeros(12, 5)), 1))

    model.forward = without_video
    idle = gradients(balancer, (inputs, targets), video=torch.zeros(12, dtype=torch.bool))
    model.forward = forward
    assert "heads.video.weight" not in idle and float(idle["heads.audio.weight"].abs().sum()) > 0


def test_permuting_modalities_permutes_k() -> None:
    inputs, targets = batch(12, modalities=THREE)
    k = {}
    for order in (THREE, THREE[::-1]):
        balancer = balanced(MLB(alpha=0.8), THREE, features={name: f"encoders.{name}" for name in order}, fusion=None)
        _, report = balancer.loss(balancer(**inputs), targets)
        k[order] = dict(zip(order, report.k.tolist(), strict=True))
    assert k[THREE] == pytest.approx(k[THREE[::-1]])


@pytest.mark.parametrize(
    "rule", [MLB(), MLB(scores="slices"), MLB(scores="jsd"), OGM(), PMR(prototype_steps=1), MMCosine()]
)
@pytest.mark.parametrize("first", [True, False])
def test_every_source_of_scores_takes_a_batch_in_which_an_encoder_is_idle(rule: Rule, first: bool) -> None:
    """In the first batch of a run too, where its width can only be what the others leave of the fusion."""
    rule = copy.deepcopy(rule)
    balancer = balanced(rule, scale_fusion_slice=True)
    inputs, targets = batch(12)
    if not first:
        gradients(balancer, (inputs, targets))
    model = balancer.model
    model.forward = lambda audio, video: model.fusion(
        torch.cat((torch.zeros(12, 5), model.encoders["video"](video)), 1)
    )
    _, report = balancer.loss(balancer(**inputs), targets, {"audio": torch.zeros(12, dtype=torch.bool)})
    assert report.k is None or report.k.tolist() == [1.0, 1.0]
    after = gradients(balancer, (inputs, targets), audio=torch.zeros(12, dtype=torch.bool))
    assert float(after["model.fusion.weight"].abs().sum()) > 0
