"""Tasks: losses as the usual criteria, scores, correctness; and a step with each."""

import pytest
import torch
from support.balanced import CLASSES, balanced, batch
from torch.nn import functional as F

from vatt_harmony.balance import MLB, Classification, MultiLabel, Regression
from vatt_harmony.errors import UserError

LOGITS = torch.randn(2, 6, CLASSES, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 3, 0, 1])
SEVERAL = torch.tensor([[1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]])
NUMBERS = torch.randn(6, CLASSES, generator=torch.Generator().manual_seed(1))


def test_classification_scores_by_the_true_class_whatever_the_smoothing() -> None:
    plain, smooth = Classification(CLASSES).judge(LOGITS, LABELS), Classification(CLASSES, 0.2).judge(LOGITS, LABELS)
    probability = LOGITS.softmax(-1)[:, torch.arange(6), LABELS]
    assert torch.allclose(plain.scores, probability) and torch.allclose(smooth.scores, probability)
    for own, smoothing in ((plain, 0.0), (smooth, 0.2)):
        wanted = F.cross_entropy(LOGITS[1], LABELS, reduction="none", label_smoothing=smoothing)
        assert torch.allclose(own.losses[1], wanted)
    assert torch.equal(plain.correct, LOGITS.argmax(-1) == LABELS)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_label_of_none_is_never_left_out_in_silence(smoothing: float) -> None:
    """-100 is what cross-entropy ignores, and accelerators are not asked for labels after the first step."""
    task, labels = Classification(CLASSES, smoothing), torch.full((6,), -100)
    for judge in (lambda: task.judge(LOGITS, labels), lambda: task.fused_loss(LOGITS[0], labels)):
        with pytest.raises((IndexError, RuntimeError)):
            judge()


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.bfloat16])
def test_narrow_targets_count_samples_as_wide_ones_do(dtype: torch.dtype) -> None:
    inputs, labels = batch(300)
    figures = []
    for targets in (F.one_hot(labels, CLASSES).float(), F.one_hot(labels, CLASSES).to(dtype)):
        balancer = balanced(MLB(), task=MultiLabel(CLASSES))
        figures.append(balancer.loss(balancer(**inputs), targets)[1].scalars())
    assert figures[1] == pytest.approx(figures[0]) and figures[0]["score/audio"] < 1


def test_multi_label_scores_by_the_positives_or_by_having_none() -> None:
    judged = MultiLabel(CLASSES).judge(LOGITS, SEVERAL)
    probability = LOGITS[0].sigmoid()
    assert judged.scores[0, 0].item() == pytest.approx((probability[0, 0] + probability[0, 3]).item() / 2)
    assert judged.scores[0, 1].item() == pytest.approx(1 - probability[1].mean().item())
    assert judged.losses[0].mean().item() == pytest.approx(MultiLabel(CLASSES).fused_loss(LOGITS[0], SEVERAL).item())
    assert judged.correct[1, 2].item() == pytest.approx((LOGITS[1, 2] > 0).float().mean().item())


@pytest.mark.parametrize(("loss", "criterion"), [("l1", F.l1_loss), ("mse", F.mse_loss)])
def test_regression_scores_by_the_squared_error(loss, criterion) -> None:
    task = Regression(CLASSES, loss)
    judged = task.judge(LOGITS, NUMBERS)
    assert torch.allclose(judged.scores[0], (LOGITS[0] - NUMBERS).square().mean(-1)) and task.lower_is_better
    assert task.fused_loss(LOGITS[0], NUMBERS) == criterion(LOGITS[0], NUMBERS)
    assert torch.allclose(judged.losses[0].mean(), criterion(LOGITS[0], NUMBERS))
    one = Regression(1, loss)
    assert torch.equal(
        one.judge(LOGITS[..., :1], NUMBERS[:, 0]).losses, one.judge(LOGITS[..., :1], NUMBERS[:, :1]).losses
    )


def test_a_loss_that_is_not_known() -> None:
    with pytest.raises(UserError, match="l1 or mse"):
        Regression(1, "huber")


@pytest.mark.parametrize(
    ("task", "targets"),
    [(MultiLabel(CLASSES), SEVERAL), (Regression(CLASSES), NUMBERS), (Classification(CLASSES), LABELS)],
)
def test_a_step_of_every_task_speeds_up_what_is_behind(task, targets) -> None:
    balancer = balanced(MLB(), task=task)
    inputs, _ = batch(6)
    loss, report = balancer.loss(balancer(**inputs), targets)
    loss.backward()
    scores = report.evidence.scores if not task.lower_is_better else -report.evidence.scores
    behind = int(scores.argmin())
    assert report.k[behind] > 1 > report.k[1 - behind]
    figures = report.scalars()
    assert ("accuracy/audio" in figures) is not isinstance(task, Regression)
