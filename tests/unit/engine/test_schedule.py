import pytest

from vatt_harmony.engine.optim import OptimConfig
from vatt_harmony.engine.schedule import learning_rate

WARMUP, STEPS = 10_000, 500_000


@pytest.mark.parametrize("shape", ["half", "quarter", "constant"])
def test_warm_up_is_linear_from_zero(shape):
    config = OptimConfig(shape=shape)
    assert learning_rate(0, config, STEPS) == 0.0
    assert learning_rate(WARMUP // 4, config, STEPS) == pytest.approx(0.25e-4)
    assert learning_rate(WARMUP, config, STEPS) == pytest.approx(1e-4)


@pytest.mark.parametrize(("shape", "middle", "end"), [
    ("half", 7.5e-5, 5e-5),
    ("quarter", 5e-5 + 5e-5 * 0.5**0.5, 5e-5),
    ("constant", 1e-4, 1e-4),
])  # fmt: skip
def test_values_in_the_middle_at_the_end_and_after(shape, middle, end):
    config = OptimConfig(shape=shape)
    assert learning_rate((WARMUP + STEPS) // 2, config, STEPS) == pytest.approx(middle)
    assert learning_rate(STEPS, config, STEPS) == pytest.approx(end)
    assert learning_rate(2 * STEPS, config, STEPS) == pytest.approx(end)


def test_without_warm_up_the_first_step_has_the_full_rate():
    assert learning_rate(0, OptimConfig(warmup=0), 10) == pytest.approx(1e-4)


def test_a_warm_up_longer_than_the_run_stays_linear():
    assert learning_rate(2, OptimConfig(warmup=100), 2) == pytest.approx(2e-6)
