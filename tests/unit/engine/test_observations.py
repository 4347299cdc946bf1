from dataclasses import replace
from pathlib import Path

import torch
from support.batches import random_batch, tiny_config
from support.ranks import run_ranks

from vatt_harmony.engine.observations import Observations, read_observations
from vatt_harmony.engine.surrogate import Gathered
from vatt_harmony.stream.batch import Batch

NAN = float("nan")
COLUMNS = {
    "cosine": torch.tensor([0.5, NAN, -0.5, 1.0]),
    "kept": torch.tensor([True, True, False, True]),
    "loss_video_text": None,
}


def _write(rank: int, world_size: int, run: str, resumed: int) -> None:
    gathered = Gathered(z={}, kernel=None, valid={}, rank=rank, world_size=world_size)
    kept = Observations(Path(run), resumed)
    for step in (resumed + 1, resumed + 2):
        kept.add(step, _batch(rank, 4 // world_size), gathered, COLUMNS)
        assert kept.write(step)
    assert not kept.write(resumed + 3)  # nothing since: no part
    kept.add(resumed + 3, _batch(rank, 4 // world_size), gathered, COLUMNS)  # never written: killed


def _batch(rank: int, rows: int) -> Batch:
    numbers = list(range(rank * rows, (rank + 1) * rows))
    batch = random_batch(rows, tiny_config())
    return replace(
        batch, keys=[f"s/{rank}{row}" for row in range(rows)], numbers=numbers, position=torch.tensor(numbers)
    )


def test_rows_of_all_ranks_and_steps_and_what_a_resumed_run_does_again(tmp_path):
    run_ranks(_write, 2, tmp_path / "ranks", str(tmp_path), 0)
    (tmp_path / "observations" / "step_00000009_rank_00000.part").write_text("half")
    first = read_observations(tmp_path).to_pydict()
    assert first["step"] == [1] * 4 + [2] * 4
    own = {key: (cosine, kept) for key, cosine, kept in zip(first["key"], first["cosine"], first["kept"], strict=True)}
    assert own == {"s/00": (0.5, True), "s/01": (None, True), "s/10": (-0.5, False), "s/11": (1.0, True)}
    assert "loss_video_text" not in first
    assert sorted(first["number"]) == sorted(first["position"]) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len(first["source"]) == 8
    run_ranks(_write, 1, tmp_path / "ranks", str(tmp_path), 1)
    again = read_observations(tmp_path).to_pydict()
    assert again["step"] == [1] * 4 + [2] * 4 + [3] * 4
    assert not list((tmp_path / "observations").glob("*.part"))


def test_a_run_without_observations(tmp_path):
    assert read_observations(tmp_path).num_rows == 0
