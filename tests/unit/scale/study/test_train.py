import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from vatt_harmony.errors import UserError
from vatt_harmony.model.config import TowerConfig
from vatt_harmony.scale.study import data, work
from vatt_harmony.scale.study.adam import survival
from vatt_harmony.scale.study.arms import ARMS
from vatt_harmony.scale.study.clips import WRONG, Corpus, CorpusShape
from vatt_harmony.scale.study.command import run_study
from vatt_harmony.scale.study.data import Held
from vatt_harmony.scale.study.observed import COLUMNS
from vatt_harmony.scale.study.presets import CPU, CUDA
from vatt_harmony.scale.study.protocol import Job, cuda_groups, groups
from vatt_harmony.scale.study.records import read_records
from vatt_harmony.scale.study.train import Trainer
from vatt_harmony.scale.study.visits import Visits, epoch, percentiles

SHAPE = CorpusShape(train=40, test=8, unseen=2, frames=2, size=12, rate=2000, seconds=0.2)
TINY = replace(
    CPU,
    shape=SHAPE,
    trunk=TowerConfig(depth=1, width=16, ff=16, heads=2),
    patch=(2, 12, 12),
    audio_patch=100,
    space=8,
    post_width=16,
    steps=10,
    batch=8,
    warmup=1,
)


def trainer(arm, corpus=None, share=0.3):
    corpus = corpus or Corpus(1, SHAPE)
    held = Held.draw(corpus, "train", corpus.faults(share))
    return Trainer(preset=TINY, arm=ARMS[arm], seed=1, corpus=corpus, training=held)


def test_every_arm_trains_and_reports():
    corpus = Corpus(1, SHAPE)
    for arm in ARMS:
        run = trainer(arm, corpus).run()
        assert 0 <= run.scores["text_to_video"] <= 1, arm
        assert run.observed.columns(40).shape == (40, len(COLUMNS))


def test_arms_begin_alike_and_measuring_changes_nothing():
    plain, measured, realigned = trainer("plain"), trainer("ledger"), trainer("realign")
    rows = [next(iter(t.rows())) for t in (plain, measured, realigned)]
    assert (rows[0] == rows[1]).all() and (rows[0] == rows[2]).all()
    losses = []
    for t in (plain, measured, realigned):
        batch = data.batch_of(t.training, rows[0], 1, 0)
        t.optimizer.param_groups[0]["lr"] = 1.0
        losses.append([t.step(batch, step).losses.total.item() for step in (1, 2)])
    assert losses[0] == losses[1]
    assert losses[0][0] == losses[2][0] and losses[0][1] != losses[2][1]


def test_the_oracle_draws_no_wrong_clip_and_the_ledger_fewer_of_low_score():
    t = trainer("oracle")
    drawn = list(t.rows())
    assert not np.isin(t.training.faults[drawn[-1]], WRONG).any()


def test_visits_rank_clips_by_what_they_are_asked_for():
    visits = Visits(4)
    for _ in range(3):
        visits.add(np.arange(4), np.array([-0.5, 0.1, 0.2, 0.3]), np.array([1.0, 9.0, 2.0, 3.0]))
    assert visits.score("conflict").argmin() == 0 and visits.score("loss").argmin() == 1
    weights = visits.weights("loss")
    assert weights[1] == pytest.approx(0.2) and weights[0] == 1


def test_an_epoch_draws_each_clip_as_often_as_its_weight_says():
    weights = np.array([1.0] * 8 + [0.25] * 8)
    counts = sum(np.bincount(epoch(weights, 16, 0, number), minlength=16) for number in range(200)) / 200
    np.testing.assert_allclose(counts, 16 * weights / weights.sum(), atol=0.15)
    assert sorted(epoch(None, 16, 0, 0)) == list(range(16))


def test_percentiles_are_ranks_from_0_to_1():
    assert percentiles(np.array([3.0, 1.0, 2.0])).tolist() == [1.0, 0.0, 0.5]


def test_a_study_resumes_where_it_was_left(tmp_path, monkeypatch):
    group = tuple(Job(arm=arm, seed=1, share=0.3, train=40) for arm in ("plain", "harmonized"))
    work.run_groups([group[:1]], TINY, tmp_path)
    before = (tmp_path / f"{group[0].name}.json").stat().st_mtime_ns
    work.run_groups([group], TINY, tmp_path)
    assert (tmp_path / f"{group[0].name}.json").stat().st_mtime_ns == before
    records = read_records(tmp_path)
    assert {r["arm"] for r in records} == {"plain", "harmonized"}
    assert all(json.dumps(r) for r in records)
    monkeypatch.setattr(work, "Trainer", None)
    work.run_groups([group], TINY, tmp_path)
    file = tmp_path / f"{group[0].name}.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "digest": "of another generator"}))
    with pytest.raises(UserError, match="records of other clips"):
        work.run_groups([group], TINY, tmp_path)


def test_the_cuda_preset_runs_shrunken_with_clips_drawn_by_other_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "IN_MEMORY", 10)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    shrunken = replace(
        CUDA,
        shape=replace(CUDA.shape, train=40, test=8, unseen=2, frames=4, size=16, rate=2000, seconds=0.4),
        trunk=TowerConfig(depth=1, width=16, ff=16, heads=2),
        space=8,
        post_width=16,
        steps=2,
        batch=6,
        device="cpu",
    )
    work.run_groups([cuda_groups(40)[0][-1:]], shrunken, tmp_path)
    assert [r["arm"] for r in read_records(tmp_path)] == ["harmonized"]


def test_the_protocol_has_ten_seeds_and_four_arms_for_a_device():
    jobs = [job for group in groups() for job in group]
    assert len({job.name for job in jobs}) == len(jobs)
    seeds = {(job.share, job.seed) for job in jobs if job.arm == "harmonized" and not job.clean}
    assert all(sum(share == s for s, _ in seeds) == 10 for share in (0.0, 0.15, 0.3, 0.5))
    assert len(cuda_groups()[0]) == 4 and cuda_groups()[0][0].train >= 100_000
    assert {job.arm for job in jobs} <= ARMS.keys()


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_a_missing_device_is_told(tmp_path):
    with pytest.raises(UserError, match="no CUDA device"):
        run_study(tmp_path, "cuda")


def test_survival_compares_updates_from_one_state():
    found = survival(replace(TINY, steps=26), 1, 0.3, 40)
    assert 0 < found["update_cosine"] <= 1 and found["gradient_change"] > 0
