import pytest
import torch
from torch import Tensor

from vatt_harmony.harmony.config import PairBalanceConfig
from vatt_harmony.harmony.pair_balance import above_chance, balance, coefficients
from vatt_harmony.model.pairs import PAIRS
from vatt_harmony.objective import ObjectiveConfig, PairWeights, pair_losses, valid_pairs

RATIOS = (0.25, 0.5, 0.8, 0.95, 1.0, 1.05, 1.25, 2.0, 4.0)
TABLE = [
    (0.5, 10, (0.642, 0.755, 0.900, 0.975, 1, 1.225, 2.119, 5.159, 9.146)),
    (0.5, 5, (0.642, 0.755, 0.900, 0.975, 1, 1.100, 1.497, 2.848, 4.621)),
    (0.5, 20, (0.642, 0.755, 0.900, 0.975, 1, 1.475, 3.363, 9.780, 18.198)),
    (0.5, 2, (0.642, 0.755, 0.900, 0.975, 1, 1.025, 1.124, 1.462, 1.905)),
    (0.8, 2, (0.463, 0.620, 0.841, 0.960, 1, 1.040, 1.197, 1.664, 1.984)),
    (2, 2, (0.095, 0.238, 0.620, 0.900, 1, 1.100, 1.462, 1.964, 2.000)),
    (3, 2, (0.022, 0.095, 0.463, 0.851, 1, 1.149, 1.635, 1.995, 2.000)),
    (5, 2, (0.001, 0.013, 0.238, 0.755, 1, 1.245, 1.848, 2.000, 2.000)),
]
BOTH = torch.tensor([True, True])


def scores(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(("alpha", "beta_max", "factors"), TABLE)
def test_the_table_of_factors(alpha: float, beta_max: float, factors: tuple[float, ...]) -> None:
    found = [balance(scores(0.2, 0.2 * ratio), BOTH, alpha, beta_max)[0].item() for ratio in RATIOS]
    assert found == pytest.approx(factors, abs=5.01e-4)


def test_three_pairs() -> None:
    every = torch.ones(3, dtype=torch.bool)
    assert balance(scores(0.6, 0.3, 0.15), every, 2, 2).tolist() == pytest.approx([0.152, 1.462, 1.999], abs=5e-4)
    assert balance(scores(0.2, 0.4, 0.6), every, 2, 2).tolist() == pytest.approx([1.995, 1, 0.238], abs=5e-4)


def test_a_pair_without_samples_is_left_out_and_one_pair_alone_is_left_as_it_is() -> None:
    active = torch.tensor([True, False, True])
    found = balance(scores(0.6, float("nan"), 0.3), active, 2, 2)
    assert found[[0, 2]].tolist() == balance(scores(0.6, 0.3), BOTH, 2, 2).tolist() and found[1] == 1
    assert balance(scores(0.6, 0.1, 0.3), torch.tensor([False, True, False]), 2, 2).tolist() == [1, 1, 1]


def test_scores_about_chance_leave_the_losses_as_they_are() -> None:
    assert balance(scores(-0.02, 0.009), BOTH, 2, 2).tolist() == [1, 1]
    behind, ahead = balance(scores(-0.02, 0.5), BOTH, 2, 2).tolist()
    assert behind > 1.99 and ahead < 0.05


def test_equal_similarities_have_score_0_and_perfect_retrieval_has_score_1() -> None:
    generator = torch.Generator().manual_seed(3)
    valid = {
        "video": torch.arange(9) != 8,
        "audio": torch.arange(9) != 4,
        "text": (torch.rand(9, 3, generator=generator) < 0.6) & (torch.arange(9) < 5)[:, None],
    }
    objective = ObjectiveConfig(temperature=0.01, weights=PairWeights(audio_text=1.0))
    pairs = valid_pairs(valid)
    negatives = {pair: valid[anchor] for pair, (anchor, _) in PAIRS.items()}
    compared = torch.stack([torch.stack([pairs[pair].sum(), negatives[pair].sum()]) for pair in PAIRS])

    def found(rows: Tensor) -> Tensor:
        texts = rows[:, None].expand(-1, 3, -1)
        ends = {pair: (rows, texts if partner == "text" else rows) for pair, (_, partner) in PAIRS.items()}
        masses = pair_losses(ends, valid, objective).masses
        return above_chance(torch.stack([masses[pair] for pair in PAIRS]), compared)

    torch.testing.assert_close(found(torch.ones(9, 9, dtype=torch.float64)), scores(0, 0, 0), atol=1e-12, rtol=0)
    torch.testing.assert_close(found(torch.eye(9, dtype=torch.float64)), scores(1, 1, 1))


def test_coefficients_speed_up_the_pair_that_is_behind() -> None:
    masses = {"video_audio": scores(0.55, 0.65), "video_text": scores(0.3, 0.3), "audio_text": scores(1, 1)}
    valid = {pair: torch.arange(100) < (1 if pair == "audio_text" else 50) for pair in PAIRS}
    negatives = dict.fromkeys(PAIRS, torch.arange(100) < 100)
    found = coefficients(masses, valid, negatives, PairBalanceConfig(enabled=True))
    assert list(found) == list(PAIRS)
    # Less a chance of 1/50 one way and 1/100 the other; the third pair has one sample, which retrieves itself.
    above = scores((0.53 / 0.98 + 0.64 / 0.99) / 2, (0.28 / 0.98 + 0.29 / 0.99) / 2)
    expected = balance(above, BOTH, 2, 2).tolist()
    assert [factor.item() for factor in found.values()] == pytest.approx([*expected, 1])
