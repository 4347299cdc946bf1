"""Taps: outputs of any structure, removal, cached encoders, dropped features."""

import copy
import pickle
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from support.balanced import CLASSES, Towers, balanced, batch, gradients
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutputWithPooling

from vatt_harmony.balance import AGM, DGL, MLB, OPM, Constant, Feature, MultiLoss
from vatt_harmony.balance.structure import map_tensors
from vatt_harmony.errors import UserError


class Pair(NamedTuple):
    """Tokens and what they come to."""

    tokens: Tensor
    pooled: Tensor


@dataclass(frozen=True)
class Frozen:
    """The same, frozen."""

    tokens: Tensor
    pooled: Tensor


KINDS = {
    "named tuple": Pair,
    "frozen dataclass": Frozen,
    "transformers": lambda tokens, pooled: BaseModelOutputWithPooling(last_hidden_state=tokens, pooler_output=pooled),
    "mapping": lambda tokens, pooled: {"tokens": tokens, "pooled": pooled, "length": 3},
    "list": lambda tokens, pooled: [pooled, [tokens]],
}


class TokenEncoder(nn.Module):
    """Gives three tokens and their mean, in the structure that is asked for."""

    def __init__(self, kind: str, width: int) -> None:
        super().__init__()
        self.kind, self.layer = kind, nn.Linear(width, 15)

    def forward(self, value: Tensor):
        tokens = self.layer(value).view(-1, 3, 5)
        return KINDS[self.kind](tokens, tokens.mean(1))


class TokenModel(nn.Module):
    """Fuses the tokens of one modality with the pooled vector of the other."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({"audio": TokenEncoder(kind, 8), "video": TokenEncoder(kind, 12)})
        self.kind, self.fusion = kind, nn.Linear(10, CLASSES)

    def forward(self, audio: Tensor, video: Tensor) -> Tensor:
        found: list[Tensor] = []
        map_tensors([self.encoders["audio"](audio), self.encoders["video"](video)], lambda t: found.append(t) or t)
        tokens = next(t for t in found[:2] if t.dim() == 3)
        pooled = next(t for t in found[2:] if t.dim() == 2)
        return self.fusion(torch.cat((tokens.mean(1), pooled), 1))


@pytest.mark.parametrize("kind", KINDS)
def test_every_tensor_of_an_output_is_scaled_whatever_holds_it(kind: str) -> None:
    options = {"model": TokenModel(kind), "dtype": torch.float64, "fusion": None}
    sample = batch(dtype=torch.float64)
    plain = gradients(balanced(MultiLoss(), **copy.deepcopy(options)), sample)
    scaled = gradients(balanced(Constant({"audio": 3.0, "video": 0.5}), **options), sample)
    for name, factor in (("audio", 3.0), ("video", 0.5)):
        assert torch.allclose(scaled[f"model.encoders.{name}.layer.weight"],
                              factor * plain[f"model.encoders.{name}.layer.weight"])  # fmt: skip


def test_structures_keep_their_kind_and_what_is_no_tensor() -> None:
    tensor = torch.ones(2)
    output = BaseModelOutputWithPooling(last_hidden_state=tensor, pooler_output=tensor)
    doubled = map_tensors(output, lambda value: 2 * value)
    assert type(doubled) is type(output) and doubled.pooler_output[0] == doubled["pooler_output"][0] == 2
    assert output.pooler_output[0] == 1
    assert map_tensors({"a": (tensor, "text", None)}, lambda value: value + 1)["a"][1:] == ("text", None)


def test_getters_scale_what_flows_back_through_a_place_in_the_output() -> None:
    class Open(Towers):
        """Gives features beside logits."""

        def forward(self, audio, video):
            features = {"audio": self.encoders["audio"](audio), "video": self.encoders["video"](video)}
            return {"logits": self.fusion(torch.cat(tuple(features.values()), 1)), **features}

    features = {name: Feature(get=lambda out, name=name: out[name], width=5) for name in ("audio", "video")}
    sample = batch(dtype=torch.float64)
    by_getter = gradients(
        balanced(Constant({"audio": 3.0}), model=Open(), features=features, dtype=torch.float64), sample
    )
    torch.manual_seed(0)
    by_path = gradients(balanced(Constant({"audio": 3.0}), model=Open(), dtype=torch.float64), sample)
    assert by_getter.keys() == by_path.keys()
    balancer = balanced(MLB(), model=Open(), features=features)
    with pytest.raises(UserError, match="found by a getter"), balancer.without({"audio"}):
        pass


def test_a_removed_modality_is_zero_or_anothers_for_the_fusion_and_itself_for_its_head() -> None:
    balancer = balanced(MLB()).eval()
    inputs, _ = batch(12)
    whole = balancer(**inputs)
    fusion, features = balancer.model.fusion, whole.features
    with balancer.without({"audio"}):
        removed = balancer(**inputs)
    with balancer.without({"audio"}, "permute"):
        permuted = balancer(**inputs)
        with balancer.without({"video"}):
            both = balancer(**inputs)
    zero = torch.zeros_like(features["audio"])
    assert torch.allclose(removed.logits, fusion(torch.cat((zero, features["video"]), 1)))
    assert torch.equal(removed.unimodal["audio"], whole.unimodal["audio"])
    assert not torch.allclose(permuted.logits, whole.logits)
    assert not torch.allclose(both.logits, permuted.logits)
    assert torch.equal(balancer(**inputs).logits, whole.logits)
    with pytest.raises(UserError, match="no way 'noise'"), balancer.without({"audio"}, "noise"):
        pass


def test_within_the_cache_encoders_run_once() -> None:
    balancer = balanced(MLB()).eval()
    inputs, _ = batch(12)
    runs = []
    balancer.model.encoders["video"][0].register_forward_hook(lambda *_: runs.append(1))
    with balancer.without({"audio"}):
        wanted = balancer(**inputs)
    with balancer.cached_features():
        whole = balancer(**inputs)
        with balancer.without({"audio"}):
            removed = balancer(**inputs)
    assert len(runs) == 2
    assert torch.equal(removed.logits, wanted.logits) and not torch.equal(whole.logits, removed.logits)
    assert "forward" not in balancer.model.encoders["video"].__dict__
    balancer(**inputs)
    assert len(runs) == 3


def test_a_modality_is_removed_in_evaluation_mode_and_modes_are_put_back() -> None:
    class Score(MLB):
        """Removes audio for its scores, twice."""

        needs_removal = True

        def sample_scores(self, step):
            first = step.logits_without(frozenset({"audio"}))
            assert (
                step.logits_without(frozenset({"audio"})) is first and step.logits_without(frozenset()) is step.logits
            )
            self.first = first
            return None

    model = Towers()
    model.fusion = nn.Sequential(nn.Dropout(0.5), nn.Linear(10, CLASSES))
    model.fusion[0].eval()
    rule = Score()
    balancer = balanced(rule, model=model, fusion=None)
    inputs, targets = batch(12)
    output = balancer(**inputs)
    balancer.loss(output, targets)
    zero = torch.zeros(12, 5)
    assert torch.allclose(rule.first, model.fusion[1](torch.cat((zero, output.features["video"]), 1)))
    assert model.training and not model.fusion[0].training and rule.first.requires_grad


def test_dropped_features_grow_and_samples_that_lost_all_leave_the_loss() -> None:
    class Half(OPM):
        """Drops half of the audio and all of the video."""

        def drop_chances(self, evidence, widths):
            assert widths.tolist() == [5, 5]
            return torch.tensor([0.5, 1.0])

    balancer = balanced(Half())
    inputs, targets = batch(64)
    balancer.loss(balancer(**inputs), targets)
    output = balancer(**inputs)
    kept = output.kept["audio"]
    assert 10 < int(kept.sum()) < 54 and not output.kept["video"].any()
    value = output.passed.fusion.features["audio"]
    assert torch.allclose(value[kept], output.features["audio"][kept] * 4) and not value[~kept].any()
    loss, _ = balancer.loss(output, targets)
    wanted = nn.functional.cross_entropy(output.logits[kept], targets[kept])
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert not balancer.eval()(**inputs).kept


def test_a_balancer_can_be_copied() -> None:
    balancer = balanced(DGL())
    sample = batch()
    twin = copy.deepcopy(balancer)
    one, other = gradients(balancer, sample), gradients(twin, sample)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert twin.export() is not balancer.export()


def test_a_copy_follows_no_optimizer_and_its_state_moves() -> None:
    """An optimizer that came along would double its memory, and steps that nobody tells of would be undone."""
    balancer = balanced(AGM())
    balancer.attach(torch.optim.SGD(balancer.parameter_groups(lr=0.1)))
    sample = batch()
    gradients(balancer, sample)
    for twin in (copy.deepcopy(balancer), pickle.loads(pickle.dumps(balancer))):
        assert b"SGD" not in pickle.dumps(twin)
        before = twin.steps
        gradients(twin, sample)
        gradients(twin, sample)
        assert twin.steps == before + 2 and twin.point == "grad"
