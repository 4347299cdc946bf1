from dataclasses import replace

import pytest
import torch
from support.learnable import learnable_films

from vatt_harmony.align.actions import ONE_TO_MANY
from vatt_harmony.align.config import TrainConfig
from vatt_harmony.align.train.lessons import Lessons
from vatt_harmony.errors import UserError

FILMS = learnable_films(10, seed=1)


def lessons(**options):
    return Lessons(FILMS, ONE_TO_MANY, TrainConfig(**({"batch": 4} | options)), seed=7)


def rows(batch):
    """A piece is known by what it shows."""
    return sorted(
        round(float(each[: int(length)].sum()), 4)
        for each, length in zip(batch.features[0], batch.lengths[:, 0], strict=True)
    )


def test_an_epoch_takes_every_piece_once_in_even_batches():
    dealt = list(lessons().epoch(0))
    assert [len(lesson.batch.steps) for _, lesson in dealt] == [4, 3, 3]
    assert [now for now, _ in dealt] == pytest.approx([0, 1 / 3, 2 / 3])
    everything = sorted(row for _, lesson in dealt for row in rows(lesson.batch))
    assert everything == sorted(round(float(film.clips.features.sum()), 4) for film in FILMS)


def test_ranks_share_what_one_would_take():
    alone = [rows(lesson.batch) for _, lesson in lessons().epoch(3)]
    halves = [[rows(lesson.batch) for _, lesson in lessons().epoch(3, rank, 2)] for rank in range(2)]
    assert alone == [sorted(first + second) for first, second in zip(*halves, strict=True)]
    with pytest.raises(UserError, match="for 4 ranks"):
        list(lessons().epoch(0, 0, 4))


def test_epochs_differ_and_repeat_themselves():
    first, again, second = (
        [rows(lesson.batch) for _, lesson in lessons(rollin=0.5).epoch(epoch)] for epoch in (0, 0, 1)
    )
    assert first == again != second
    alone = torch.cat([lesson.alone for _, lesson in lessons(rollin=0.5).epoch(0)])
    assert 0 < alone.sum() < len(alone)


def test_a_random_order_is_drawn_anew():
    taught = lessons(order="random")
    paths = [
        sorted(tuple(a) for _, lesson in taught.epoch(e) for a in lesson.batch.actions.tolist()) for e in (0, 0, 1)
    ]
    assert paths[0] == paths[1] != paths[2]


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(UserError, match="no truth"):
        Lessons([replace(FILMS[0], pairs=None)], ONE_TO_MANY, TrainConfig(), 0)
    film = FILMS[0]
    empty = replace(film.sentences, features=film.sentences.features[:0], spans=film.sentences.spans[:0], texts=())
    with pytest.raises(UserError, match="no piece"):
        Lessons([replace(film, streams=(film.clips, empty), pairs=film.pairs[:0])], ONE_TO_MANY, TrainConfig(), 0)
