import os
import signal

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from vatt_harmony.engine.agreement import gather_over_ranks
from vatt_harmony.engine.guards import FiniteGuard
from vatt_harmony.engine.preemption import Preemption
from vatt_harmony.engine.report import DATA, SPEED
from vatt_harmony.engine.speed import SpeedMeter, StepTiming
from vatt_harmony.errors import UserError
from vatt_harmony.objective.gather import gather_rows

CPU = torch.device("cpu")


def test_two_ranks_agree(tmp_path):
    mp.spawn(_rank, args=(str(tmp_path / "rendezvous"),), nprocs=2)


def _rank(rank, rendezvous):
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    assert gather_over_ranks([float(rank), 7.0], CPU) == [[0.0, 7.0], [1.0, 7.0]]
    _gathered_rows_keep_their_types_and_bits(rank)
    _one_bad_rank_stops_the_step_of_both(rank)
    _a_series_raises_on_both(rank)
    _a_signal_to_one_rank_reaches_both(rank)
    _the_rank_that_waits_longest_counts(rank)
    dist.destroy_process_group()


def _gathered_rows_keep_their_types_and_bits(rank):
    def rows(of: int) -> list[torch.Tensor]:
        g = torch.Generator().manual_seed(of)
        kernel = torch.randn(3, 2, 2, generator=g)
        return [kernel[:, 0].to(torch.bfloat16), kernel[:, 0, 0] > 0, kernel, kernel.double().mT]

    for found, first, second in zip(gather_rows(rows(rank)), rows(0), rows(1), strict=True):
        assert found.dtype == first.dtype and torch.equal(found, torch.cat([first, second]))


def _one_bad_rank_stops_the_step_of_both(rank):
    guard = FiniteGuard(CPU)
    values = {"video_audio": torch.tensor(1.0), "video_text": torch.tensor(float("inf") if rank == 1 else 1.0)}
    verdict = guard.check(values, lambda: [f"grid/{rank}"])
    assert not verdict.take_step
    assert verdict.guilty == ("video_text",)
    assert verdict.keys == (("grid/1",) if rank == 1 else ())
    assert guard.state.total == 1


def _a_series_raises_on_both(rank):
    guard = FiniteGuard(CPU, patience=2)
    for bad_rank in (0, 1):
        value = float("nan") if rank == bad_rank else 0.0
        if bad_rank == 0:
            guard.check({"total": value}, lambda: ["k"])
        else:
            with pytest.raises(UserError, match="total"):
                guard.check({"total": value}, lambda: ["k"])


def _a_signal_to_one_rank_reaches_both(rank):
    with Preemption(CPU) as preemption:
        assert not preemption.agreed()
        if rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        assert preemption.agreed()
        assert preemption.requested == (rank == 1)


def _the_rank_that_waits_longest_counts(rank):
    meter = SpeedMeter(CPU, flops_per_triplet=None, peak=None)
    meter.add(StepTiming(triplets=8, seconds=2.0, waiting=0.25 + rank, busy=0.5 + rank))
    figures = meter.scalars()
    assert figures[SPEED]["triplets_per_second_per_device"] == pytest.approx(2.0)
    assert figures[DATA]["waiting_share"] == pytest.approx(0.625)
    assert figures[SPEED]["slowest_rank"] == 1.0
