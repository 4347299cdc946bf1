import pytest
import torch

from vatt_harmony.engine.report import DATA, HEALTH, SPEED
from vatt_harmony.engine.speed import SpeedMeter, StepTiming, peak_flops, peak_memory, summarise

CPU = torch.device("cpu")


def test_summary_of_two_ranks():
    rows = [(10.0, 1.0, 4.0, 2.0), (10.0, 5.0, 8.0, 1.0)]
    figures = summarise(rows, triplets=400, steps=4, flops_per_triplet=2e12, peak=100e12)
    assert figures[SPEED]["triplets_per_second_per_device"] == pytest.approx(20.0)
    assert figures[SPEED]["step_seconds"] == pytest.approx(2.5)
    assert figures[DATA]["waiting_share"] == pytest.approx(0.5)
    assert figures[SPEED]["slowest_rank"] == 1.0
    assert figures[SPEED]["slowest_rank_behind_mean_seconds"] == pytest.approx(0.5)
    assert figures[HEALTH]["memory_peak_gib"] == 2.0
    assert figures[SPEED]["mfu"] == pytest.approx(0.4)


@pytest.mark.parametrize(("flops", "peak"), [(None, 1e12), (1e9, None)])
def test_no_mfu_where_something_is_unknown(flops, peak):
    figures = summarise([(1.0, 0.0, 0.5, 1.0)], 4, 1, flops_per_triplet=flops, peak=peak)
    assert "mfu" not in figures[SPEED]


def test_peaks_need_the_exact_name_and_a_half_precision():
    assert peak_flops("NVIDIA H200", torch.bfloat16) == 989e12
    assert peak_flops("NVIDIA A100-SXM4-80GB", torch.float16) == 312e12
    assert peak_flops("NVIDIA H100 80GB HBM3 MIG 1g.10gb", torch.bfloat16) is None
    assert peak_flops("CPU x86_64", torch.bfloat16) is None
    assert peak_flops("NVIDIA H200", torch.float32) is None


def test_the_window_is_measured_in_triplets():
    meter = SpeedMeter(CPU, flops_per_triplet=None, peak=None, horizon=20)
    assert meter.scalars() == {}
    for seconds in (100.0, 1.0, 1.0):
        meter.add(StepTiming(triplets=10, seconds=seconds, waiting=0.5, busy=0.75))
    figures = meter.scalars()
    assert figures[SPEED]["triplets_per_second_per_device"] == pytest.approx(10.0)
    assert figures[DATA]["waiting_share"] == pytest.approx(0.5)


def test_one_step_larger_than_the_window_still_counts():
    meter = SpeedMeter(CPU, flops_per_triplet=None, peak=None, horizon=1)
    meter.add(StepTiming(triplets=64, seconds=2.0, waiting=0.0, busy=1.0))
    assert meter.scalars()[SPEED]["triplets_per_second_per_device"] == pytest.approx(32.0)


def test_a_process_with_torch_holds_between_a_tenth_and_a_hundred_gibibytes():
    assert 0.1 < peak_memory(CPU) < 100
