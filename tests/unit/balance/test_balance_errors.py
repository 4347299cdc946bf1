"""Mistakes with a balancer: each ends in one error that says what to change."""

import warnings

import pytest
import torch
from support.balanced import CLASSES, Towers, balanced, batch
from torch import nn
from torch.utils.checkpoint import checkpoint

from vatt_harmony.balance import (
    AGM,
    DGL,
    MLB,
    MSLR,
    OGM,
    Balancer,
    Classification,
    Feature,
    GBlend,
    MMPareto,
    MultiLabel,
    MultiLoss,
    Regression,
    Validation,
    Window,
)
from vatt_harmony.errors import UserError

INPUTS, TARGETS = batch(12)


def step(balancer: Balancer, targets=TARGETS, **options) -> None:
    balancer.loss(balancer(**INPUTS), targets, **options)


@pytest.mark.parametrize(
    ("features", "told"),
    [
        ({"audio": "encoders.audoi"}, "encoders.audio"),
        ({}, "No modality"),
        ({"audio": Feature()}, "neither a path nor a getter"),
        ({"audio": "encoders.audio", "video": "encoders.audio"}, "so is another's"),
        ({"audio": Feature("encoders.audio", parameters=("front",))}, "front"),
    ],
)
def test_features_that_are_not_there(features, told) -> None:
    with pytest.raises(UserError, match=told):
        Balancer(Towers(), features, task=Classification(CLASSES), rule=MLB(), example=INPUTS)


def test_a_width_that_is_not_known() -> None:
    with pytest.raises(UserError, match="example=batch"):
        Balancer(Towers(), {"audio": "encoders.audio"}, task=Classification(CLASSES), rule=MLB())


@pytest.mark.parametrize("wrong", [-1, CLASSES, 99])
def test_labels_out_of_range(wrong) -> None:
    targets = TARGETS.clone()
    targets[3] = wrong
    with pytest.raises(UserError, match=rf"Labels {wrong} lie outside 0 to {CLASSES - 1}"):
        step(balanced(MLB()), targets)


@pytest.mark.parametrize(
    ("task", "targets", "told"),
    [
        (Classification(CLASSES), torch.rand(12), "no labels of classes"),
        (Classification(CLASSES), TARGETS.int(), "one int64 label"),
        (Classification(CLASSES), TARGETS[:5], "5 targets for 12 samples"),
        (Classification(CLASSES), None, "The targets are a NoneType"),
        (MultiLabel(CLASSES), torch.full((12, CLASSES), 0.5), "range from 0.5"),
        (MultiLabel(CLASSES), torch.zeros(12, 2), "shape"),
        (Regression(CLASSES), torch.full((12, CLASSES), torch.nan), "not all finite"),
        (Classification(7), TARGETS, "7 outputs"),
    ],
)
def test_targets_that_do_not_fit_the_task(task, targets, told) -> None:
    with pytest.raises(UserError, match=told):
        step(balanced(MLB(), task=task), targets)


def test_names_that_are_no_modality() -> None:
    balancer = balanced(MLB())
    with pytest.raises(UserError, match="'smell'"):
        step(balancer, present={"smell": torch.ones(12, dtype=torch.bool)})
    with pytest.raises(UserError, match="'smell'"), balancer.without({"smell"}):
        pass
    with pytest.raises(UserError, match="bool a sample"):
        step(balancer, present={"audio": torch.ones(12)})


def test_features_that_never_run_or_never_reach_the_loss() -> None:
    class Deaf(Towers):
        """Runs the audio encoder, or not, and does not use it."""

        runs = True

        def forward(self, audio, video):
            unused = self.encoders["audio"](audio) if self.runs else torch.zeros(len(audio), 5)
            return self.fusion(torch.cat((torch.zeros_like(unused), self.encoders["video"](video)), 1))

    model = Deaf()
    with pytest.raises(UserError, match="'audio' never reaches the fused loss"):
        step(balanced(MLB(), model=model))
    balancer = balanced(MLB(), model=model, fusion=None)
    model.runs = False
    with pytest.raises(UserError, match="'audio' did not run"):
        step(balancer)


def test_a_feature_changed_in_place_and_one_that_is_no_batch() -> None:
    class Hasty(Towers):
        """Changes features in place."""

        def forward(self, audio, video):
            features = [self.encoders["audio"](audio), self.encoders["video"](video)]
            return self.fusion(torch.cat([feature.mul_(2) for feature in features], 1))

    with pytest.raises(UserError, match="in place"):
        step(balanced(MLB(), model=Hasty()))
    features = {"audio": Feature("encoders.audio", get=lambda out: out[0]), "video": "encoders.video"}
    with pytest.raises(UserError, match=r"samples, \.\.\., width"):
        balanced(MLB(), features=features)


def test_an_encoder_that_runs_twice_or_under_reentrant_checkpointing() -> None:
    class Twice(Towers):
        """Runs the audio encoder twice."""

        def forward(self, audio, video):
            self.encoders["audio"](audio)
            return super().forward(audio=audio, video=video)

    class Reentrant(Towers):
        """Checkpoints the audio encoder in the old way."""

        def forward(self, audio, video):
            audio = checkpoint(self.encoders["audio"], audio.requires_grad_(), use_reentrant=self.reentrant)
            return self.fusion(torch.cat((audio, self.encoders["video"](video)), 1))

    model = Reentrant()
    model.reentrant = True
    with pytest.raises(UserError, match="more than once"):
        balanced(MLB(), model=Twice())
    with pytest.raises(UserError, match="use_reentrant=False"):
        step(balanced(MLB(), model=model))
    model.reentrant = False
    step(balanced(MLB(), model=model))


def test_rules_that_lack_what_they_live_on() -> None:
    with pytest.raises(UserError, match="needs a fusion"):
        balanced(OGM(), fusion=None)
    with pytest.raises(UserError, match="is a Sequential"):
        balanced(OGM(), fusion="encoders.audio")
    with pytest.raises(UserError, match="accumulation is 2"):
        balanced(MMPareto(), accumulation=2)
    getter = Feature(get=lambda out: out, width=CLASSES)
    with pytest.raises(UserError, match="A getter shows a feature"):
        balanced(DGL(), features={"audio": getter, "video": "encoders.video"})
    for rule in (MSLR(), GBlend()):
        with pytest.raises(UserError, match="validation set"):
            balanced(rule).end_epoch()
    known = {"audio": 0.5, "fused": 0.5}
    with pytest.raises(UserError, match="lack video"):
        balanced(MSLR()).end_epoch(Validation(losses=known, accuracies=known, train_losses=known))
    whole = known | {"video": 0.5}
    with pytest.raises(UserError, match="training losses of the epoch lack video"):
        balanced(GBlend()).end_epoch(Validation(losses=whole, accuracies=whole, train_losses=known))
    with pytest.raises(UserError, match="scores by jsd, and the task is Regression"):
        balanced(MLB(scores="jsd"), task=Regression(CLASSES))
    with pytest.raises(UserError, match="lacks running of the rule AGM"):
        balanced(AGM()).load_state_dict(balanced(OGM()).state_dict())


def test_points_where_k_cannot_act() -> None:
    with pytest.raises(UserError, match=r"balancer\.attach"):
        step(balanced(MLB(), point="auto"))
    with pytest.raises(UserError, match="no optimizer is attached"):
        step(balanced(MLB(), point="lr"))
    with pytest.raises(UserError, match="cannot act at the point loss"):
        step(balanced(OGM(), point="loss"))
    balancer = balanced(MLB(), point="lr")
    balancer.attach(torch.optim.AdamW(balancer.parameters()))
    with pytest.raises(UserError, match="parameter_groups"):
        step(balancer)
    balancer = balanced(MLB(), point="lr")
    biases = [p for name, p in balancer.named_parameters() if "bias" in name]
    groups = [[p for p in encoder.parameters() if p.dim() == 2] for encoder in balancer.model.encoders.values()]
    balancer.attach(torch.optim.AdamW([{"params": own} for own in (*groups, biases)]))
    with pytest.raises(UserError, match="of audio, video are in parameter groups of others"):
        step(balancer)
    with pytest.raises(UserError, match="no optimizer of torch"):
        balancer.attach(nn.Linear(1, 1))
    with pytest.raises(UserError, match="'rest'"):
        balancer.parameter_groups(lr={"audio": 0.1, "video": 0.1})


def test_parameters_before_a_feature_but_outside_of_its_modules_are_named_once() -> None:
    class Fronted(Towers):
        """An encoder with a front end outside of it."""

        def __init__(self) -> None:
            super().__init__()
            self.front = nn.Linear(8, 8)

        def forward(self, audio, video):
            return super().forward(audio=self.front(audio), video=video)

    balancer = balanced(MLB(), model=Fronted())
    with pytest.warns(UserWarning, match=r"front\.bias, front\.weight"):
        step(balancer)
    features = {"audio": Feature("encoders.audio", parameters=("front",)), "video": "encoders.video"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(balancer)
        step(balanced(MultiLoss(), model=Fronted(), features=features))


@pytest.mark.parametrize("options", [{"start": 5, "end": 2}, {"ramp": -1}, {"ema": 1.0}])
def test_windows_in_which_nothing_would_happen(options) -> None:
    with pytest.raises(UserError):
        Window(**options)


def test_an_adaptive_optimizer_that_cancels_gains_is_told_once() -> None:
    balancer = balanced(MLB(), point="grad")
    balancer.attach(torch.optim.AdamW(balancer.parameter_groups(lr=0.1)))
    with pytest.warns(UserWarning, match="a constant k is cancelled"):
        step(balancer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(balancer)
