import math

import pytest
import torch

from vatt_harmony.harmony import CurriculumConfig
from vatt_harmony.harmony.curriculum import Selection, level, select

NAN = float("nan")


def quantile(q: float, **options: str) -> CurriculumConfig:
    return CurriculumConfig(kind="quantile", shape="constant", q0=q, t0=0, **options)  # type: ignore[arg-type]


def threshold(gamma: float, **options: str) -> CurriculumConfig:
    return CurriculumConfig(kind="threshold", shape="constant", gamma0=gamma, t0=0, **options)  # type: ignore[arg-type]


def select_all(scores: torch.Tensor, config: CurriculumConfig, step: int = 0) -> Selection:
    """Two losses, both dropped, valid wherever there is a score (the first one everywhere)."""
    valid = torch.stack([torch.ones_like(scores, dtype=torch.bool), ~scores.isnan()], dim=1)
    result = select(scores, valid, [True, True], config, step)
    assert result is not None
    return result


def test_schedules() -> None:
    line = CurriculumConfig(kind="threshold", gamma0=-0.3, gamma1=0.1, t0=10, t1=30)
    assert [level(line, step) for step in (0, 9)] == [None, None]
    assert [level(line, step) for step in (10, 20, 30, 99)] == pytest.approx([-0.3, -0.1, 0.1, 0.1])
    cosine = CurriculumConfig(kind="quantile", shape="cosine", q0=0.1, q1=0.5, t0=0, t1=8)
    assert [level(cosine, step) for step in (0, 2, 4, 8, 9)] == pytest.approx(
        [0.1, 0.1 + 0.4 * (1 - math.cos(math.pi / 4)) / 2, 0.3, 0.5, 0.5]
    )
    constant = CurriculumConfig(kind="quantile", shape="constant", q0=0.25, t0=5)
    assert [level(constant, step) for step in (4, 5, 500)] == [None, 0.25, 0.25]
    assert level(CurriculumConfig(), 7) is None


@pytest.mark.parametrize("pairs", [0, 1, 7, 100])
@pytest.mark.parametrize("q", [0.0, 0.1, 0.29, 1 / 3, 0.57, 1.0])
def test_quantile_drops_exactly_the_floor(pairs: int, q: float) -> None:
    cosines = torch.full((130,), NAN)
    place = torch.randperm(130, generator=torch.Generator().manual_seed(pairs))[:pairs]
    cosines[place] = torch.linspace(-1, 1, pairs) if pairs else torch.zeros(0)
    keep = select_all(cosines, quantile(q)).keep
    count = pairs // 3 if q == 1 / 3 else round(q * 100) * pairs // 100
    assert keep[cosines.isnan()].all()
    assert (~keep).sum() == count
    assert sorted(cosines[~keep].tolist()) == sorted(cosines[place].tolist())[:count]


def test_of_equal_cosines_the_lower_rows_are_dropped() -> None:
    cosines = torch.tensor([0.5, -0.2, NAN, -0.2, -0.2, 0.1])
    assert select_all(cosines, quantile(0.4)).keep.tolist() == [True, False, True, False, True, True]


def test_threshold_is_strict_and_spares_samples_that_are_no_pair() -> None:
    cosines = torch.tensor([0.0, -0.1, NAN, 0.1])
    assert select_all(cosines, threshold(0.0)).keep.tolist() == [False, False, True, True]


def test_normalisation_and_what_is_dropped() -> None:
    cosines = torch.tensor([-0.5, 0.5, NAN, 0.2])
    valid = torch.tensor([[True, True], [True, True], [True, False], [True, True]])
    both, vt_only = [True, True], [False, True]
    third = 3 / 2
    result = select(cosines, valid, both, threshold(0.0), 0)
    assert (
        result.factors.expand(-1, 2).tolist() == [[0, 0], [third, third], [1, 1], [third, third]] and not result.empty
    )
    result = select(cosines, valid, vt_only, threshold(0.0, drop="vt_only"), 0)
    assert result.factors.expand(-1, 2).tolist() == [[1, 0], [1, third], [1, 1], [1, third]]
    result = select(cosines, valid, both, threshold(0.0, normalise="batch"), 0)
    assert result.factors.expand(-1, 2).tolist() == [[0, 0], [1, 1], [1, 1], [1, 1]]


def test_normalisation_is_bounded() -> None:
    cosines = torch.linspace(0, 1, 40)
    assert select_all(cosines, quantile(0.98)).factors.amax() == 10


@pytest.mark.parametrize(("on_empty", "kept"), [("plain", True), ("zero", False)])
def test_nothing_left(on_empty: str, kept: bool) -> None:
    cosines, valid = torch.tensor([-0.5, -0.1, NAN]), torch.tensor([[True, True], [True, True], [False, False]])
    both = [True, True]
    result = select(cosines, valid, both, threshold(0.9, on_empty=on_empty), 0)
    assert result.empty and result.keep.tolist() == [kept, kept, True]
    assert result.factors.expand(-1, 2).tolist() == [[kept, kept]] * 2 + [[1, 1]]
    lone = valid | torch.tensor([[False, False], [False, False], [True, False]])
    result = select(cosines, lone, both, threshold(0.9, on_empty=on_empty), 0)
    assert not result.empty and result.keep.tolist() == [False, False, True]


def test_a_batch_without_anything_valid_is_not_counted_as_empty() -> None:
    nothing = torch.zeros(3, 2, dtype=torch.bool)
    assert not select(torch.full((3,), NAN), nothing, [True, True], quantile(1.0), 0).empty


def test_before_its_first_step_it_decides_nothing() -> None:
    late = CurriculumConfig(kind="quantile", shape="constant", q0=0.5, t0=3)
    scores, valid = torch.linspace(-1, 1, 4), torch.ones(4, 2, dtype=torch.bool)
    assert select(scores, valid, [True, True], late, 2) is None
    assert select(scores, valid, [True, True], late, 3) is not None
