from dataclasses import replace

import numpy as np
import pytest
import torch
from support.learnable import learnable_films

from vatt_harmony.align.batch import collate
from vatt_harmony.align.config import (
    AlignConfig,
    DataConfig,
    NetworkConfig,
    OptimConfig,
    PretrainConfig,
    TrainConfig,
)
from vatt_harmony.align.train.fit import fit, share_of
from vatt_harmony.align.train.lessons import Lessons
from vatt_harmony.errors import UserError

TINY = NetworkConfig(width=8, action_width=3, matched_width=4)


def config(epochs=2, network=TINY, **options):
    train = {"epochs": epochs, "batch": 4} | options.pop("train", {})
    return AlignConfig(network=network, train=TrainConfig(**train), **options)


def weights(model):
    return torch.cat([value.flatten() for value in model.state_dict().values()])


def test_two_pieces_are_learnt_by_heart():
    films = learnable_films(2, seed=1)
    whole = AlignConfig(
        network=NetworkConfig(width=32),
        optim=OptimConfig(name="adam", lr=3e-3),
        train=TrainConfig(epochs=60, batch=2, smoothing=0.0),
    )
    fitted = fit(whole, films)
    batch = collate(Lessons(films, fitted.model.actions, whole.train, 0).pieces)
    with torch.no_grad():
        right = fitted.model(batch).argmax(-1) == batch.actions
    real = torch.arange(batch.actions.shape[1]) < batch.steps.unsqueeze(1)
    assert right[real].float().mean() > 0.99


def test_what_generalises_is_learnt_and_positions_alone_do_not_do():
    train, validation = learnable_films(160, seed=1), learnable_films(12, seed=2)
    reached = {}
    for content in (True, False):
        whole = AlignConfig(
            network=NetworkConfig(width=32, content=content),
            optim=OptimConfig(lr=10.0, patience=2),
            train=TrainConfig(epochs=20 if content else 4, batch=16, smoothing=0.0, validate_every=2),
        )
        reached[content] = fit(whole, train, validation).figures["validation/accuracy"]
    assert reached[True] > 0.95
    assert reached[False] < reached[True] - 0.2


def test_the_best_epoch_is_given_back():
    train, validation = learnable_films(8, seed=1), learnable_films(4, seed=2)
    fitted = fit(config(epochs=5, optim=OptimConfig(lr=30.0)), train, validation)
    accuracies = [epoch["validation/accuracy"] for epoch in fitted.history]
    assert len(fitted.history) == 5 and fitted.best_epoch == 1 + int(np.argmax(accuracies))
    shorter = fit(config(epochs=fitted.best_epoch, optim=OptimConfig(lr=30.0)), train, validation)
    assert torch.equal(weights(fitted.model), weights(shorter.model))
    assert not fitted.model.training


def test_validation_decides_when_to_stop():
    train, validation = learnable_films(4, seed=1), learnable_films(2, seed=2)
    still = OptimConfig(name="adam", lr=1e-12)
    fitted = fit(
        config(epochs=9, optim=still, network=replace(TINY, norm="none"), train={"stop_after": 3}), train, validation
    )
    assert len(fitted.history) == 4 and fitted.best_epoch == 1


def test_a_seed_decides_everything_and_leaves_the_callers_numbers_alone():
    train = learnable_films(6, seed=1)
    options = {"network": replace(TINY, dropout=0.2), "train": {"order": "random"}}
    torch.manual_seed(5)
    first = fit(config(**options), train)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))
    assert torch.equal(weights(first.model), weights(fit(config(**options), train).model))
    assert not torch.equal(weights(first.model), weights(fit(config(seed=1, **options), train).model))


def test_pair_pretraining_comes_first_and_start_goes_on():
    train = learnable_films(6, seed=1)
    plain = fit(config(epochs=1), train).model
    prepared = fit(config(epochs=1, pretrain=PretrainConfig(epochs=2, batch=8)), train).model
    assert not torch.equal(weights(plain), weights(prepared))
    further = fit(config(epochs=1, optim=OptimConfig(name="adam", lr=1e-12)), train, start=plain)
    assert torch.allclose(weights(further.model)[:50], weights(plain)[:50], atol=1e-6)
    with pytest.raises(UserError, match="another network"):
        fit(config(network=replace(TINY, width=6)), train, start=plain)


def test_shares_of_groups_are_nested():
    films = learnable_films(10, seed=1)
    drawn = [{film.name for film in share_of(films, share, seed=3)} for share in (0.01, 0.3, 1.0)]
    assert [len(names) for names in drawn] == [1, 3, 10]
    assert drawn[0] < drawn[1] < drawn[2]
    used = fit(config(epochs=1, data=DataConfig(share=0.3)), films)
    assert torch.equal(weights(used.model), weights(fit(config(epochs=1), share_of(films, 0.3, seed=0)).model))


def test_sequences_that_cannot_be_trained_on_are_refused():
    films = learnable_films(2, seed=1)
    with pytest.raises(UserError, match="no training sequences"):
        fit(config(), [])
    with pytest.raises(UserError, match="no truth"):
        fit(config(), [replace(films[0], pairs=None)])
    spoilt = replace(films[0].clips, features=films[0].clips.features * np.nan)
    with pytest.raises(UserError, match="not finite"):
        fit(config(), [replace(films[0], streams=(spoilt, films[0].sentences))])


def test_similarities_and_own_actions_teach_the_same_alignment():
    train, validation = learnable_films(40, seed=1), learnable_films(6, seed=2)
    whole = config(
        epochs=10,
        network=NetworkConfig(width=16, window=3),
        optim=OptimConfig(lr=10.0),
        train={"rollin": 0.5, "batch": 8, "validate_every": 2},
    )
    assert fit(whole, train, validation).figures["validation/accuracy"] > 0.7
