from dataclasses import replace

import numpy as np
import pytest
import torch
from support.learnable import learnable_films

from vatt_harmony.align.config import NetworkConfig, PretrainConfig
from vatt_harmony.align.losses import order_penalty
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.train.pair_pretrain import all_pairs, pretrain_pairs
from vatt_harmony.errors import UserError

FILMS = learnable_films(30, seed=1)
CONFIG = PretrainConfig(epochs=30, batch=32, lr=3e-3, margin=0.05)


def test_matched_pairs_come_to_lie_nearer_than_others_of_unseen_films():
    model = NeuMatch(NetworkConfig(width=16), (6, 6))
    losses = pretrain_pairs(model, FILMS, CONFIG, seed=0)
    assert losses[-1] < 0.5 * losses[0]
    [film] = learnable_films(1, seed=2)
    clips, sentences = film.pairs.T
    with torch.no_grad():
        seen, said = (
            encode(torch.from_numpy(stream.features))
            for encode, stream in zip(model.encoders, film.streams, strict=True)
        )
    penalties = order_penalty(seen[clips].unsqueeze(1), said.unsqueeze(0))
    assert (penalties.argmin(1).numpy() == sentences).mean() > 0.8


def test_only_the_encoders_are_trained():
    model = NeuMatch(NetworkConfig(width=8), (6, 6))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    pretrain_pairs(model, FILMS, replace(CONFIG, epochs=1), seed=0)
    moved = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"encoders"}
    assert torch.equal(model.encoders[0][0].matrix, before["encoders.0.0.matrix"])


def test_pairs_of_all_films_point_at_their_items():
    pairs = all_pairs(FILMS)
    names = [film.name for film in FILMS]
    clips, sentences = (
        np.concatenate([np.full(film.lengths[stream], names.index(film.name)) for film in FILMS]) for stream in (0, 1)
    )
    assert len(pairs) == sum(len(film.pairs) for film in FILMS)
    assert (clips[pairs[:, 0]] == sentences[pairs[:, 1]]).all()
    assert (np.diff(pairs[:, 1]) >= 0).all()


def test_nothing_to_contrast_is_refused():
    with pytest.raises(UserError, match="Fewer than two"):
        pretrain_pairs(NeuMatch(NetworkConfig(), (6, 6)), [replace(FILMS[0], pairs=None)], CONFIG, 0)
    with pytest.raises(UserError, match="does not read two streams"):
        pretrain_pairs(NeuMatch(NetworkConfig(content=False), (6, 6)), FILMS, CONFIG, 0)
