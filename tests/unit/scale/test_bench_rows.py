"""Rows of the suite `main` that are cheap, and small versions of the dear ones."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from vatt_harmony.scale.bench import identities, overhead
from vatt_harmony.scale.bench.harmonized import plain_backward
from vatt_harmony.scale.bench.main import ROWS
from vatt_harmony.scale.tiny import random_batch, tiny_config, tiny_model, with_audio
from vatt_harmony.scale.work import CountWork


def test_rows_are_in_order_and_each_id_is_used_once() -> None:
    ids = [row.id for row in ROWS]
    assert ids == sorted(ids, key=lambda name: int(name.split(".")[1])) and len(set(ids)) == len(ids)
    figures = [figure.id for row in ROWS for figure in row.measures]
    assert len(set(figures)) == len(figures)
    assert all(figure.id.startswith(row.id) for row in ROWS for figure in row.measures)


@pytest.mark.parametrize("group", identities.GROUPS)
def test_identities_of_vatt(group: str) -> None:
    wrong, checked = identities.failed(identities.GROUPS[group]())
    assert wrong == [] and checked >= 7


def test_a_wrong_identity_is_told() -> None:
    assert identities.failed(iter([("two", 2, 2), ("three", 3, 4)])) == (["three: 3 instead of 4"], 2)


def test_work_is_counted_as_torch_counts_it() -> None:
    model = tiny_model(dtype=torch.float32)
    batch = with_audio(random_batch(4, tiny_config()), torch.float32)
    with CountWork() as work:
        plain_backward(model, batch)
    with FlopCounterMode(display=False) as counter:
        plain_backward(model, batch)
    assert work.flops == counter.get_total_flops() > 0 and work.operators > 100


def test_overhead_of_a_small_step() -> None:
    batch = random_batch(4, tiny_config(), missing=False)
    work = overhead.count(tiny_config(), batch)
    assert work["plain"].flops < work["harmonized"].flops
    seconds = overhead.cpu_seconds(tiny_config(), batch, 2)
    assert {name: len(values) for name, values in seconds.items()} == dict.fromkeys(overhead.STEPS, 2)
    assert overhead.median_ratio([2, 4, 6], [1, 2, 3]) == (2, 2, 2)


def test_full_size_counts_hold_their_goal() -> None:
    work = overhead.count(overhead.CONFIG, random_batch(2, overhead.CONFIG, candidates=5, missing=False))
    assert work["harmonized"].flops / work["plain"].flops <= 1.0005
