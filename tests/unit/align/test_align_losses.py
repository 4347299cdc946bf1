import pytest
import torch

from vatt_harmony.align.losses import action_loss, order_penalty, ranking_loss, smoothed


def test_smoothing_target():
    legal = torch.ones(3, dtype=torch.bool)
    assert smoothed(torch.tensor(1), legal, 0.03).tolist() == pytest.approx([0.01, 0.98, 0.01])


def test_smoothing_spares_illegal_actions():
    legal = torch.tensor([[True, False, True], [False, True, False]])
    rows = smoothed(torch.tensor([2, 1]), legal, 0.03)
    assert rows[0].tolist() == pytest.approx([0.015, 0.0, 0.985])
    assert rows[1].tolist() == pytest.approx([0.0, 1.0, 0.0])


def test_sum_over_real_steps_is_torchs():
    g = torch.Generator().manual_seed(0)
    logits, targets = torch.randn(2, 4, 3, generator=g), torch.randint(3, (2, 4), generator=g)
    steps = torch.tensor([4, 2])
    theirs = torch.nn.CrossEntropyLoss(reduction="sum", label_smoothing=0.1)
    expected = theirs(torch.cat([logits[0], logits[1, :2]]), torch.cat([targets[0], targets[1, :2]]))
    assert float(action_loss(logits, targets, steps, 0.1)) == pytest.approx(float(expected), rel=1e-6)


def test_illegal_actions_and_padding_give_no_gradient_and_no_nan():
    raw = torch.randn(1, 3, 3, requires_grad=True)
    legal = torch.tensor([[[True, True, False], [False, True, False], [False, False, False]]])
    loss = action_loss(raw.masked_fill(~legal, -torch.inf), torch.tensor([[0, 1, 0]]), torch.tensor([2]), 0.03)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(raw.grad).all()
    assert raw.grad[~legal].abs().max() == 0
    assert raw.grad[0, 1].abs().max() == 0  # one legal action: nothing to learn


def test_order_penalty_is_zero_where_the_general_is_larger_everywhere():
    assert order_penalty(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0])) == 0
    assert order_penalty(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.0])) == 5


def test_ranking_loss_by_hand():
    clip, sentence = torch.tensor([[0.2, 0.1]]), torch.tensor([[0.1, 0.1]])
    other_clip, other_sentence = torch.tensor([[0.2, 0.0]]), torch.tensor([[0.0, 0.5]])
    # The pair costs 0.01; the other clip 0.01, the other sentence 0.04.
    expected = (0.05 + 0.01 - 0.01) + (0.05 + 0.01 - 0.04)
    assert float(ranking_loss(clip, sentence, other_clip, other_sentence, 0.05)) == pytest.approx(expected)


def test_a_logit_that_is_no_number_is_not_taken_for_an_illegal_action():
    logits = torch.full((1, 1, 3), torch.nan)
    assert torch.isnan(action_loss(logits, torch.tensor([[1]]), torch.tensor([1])))
