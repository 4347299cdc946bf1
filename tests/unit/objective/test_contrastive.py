"""Loss floors and masks: the acceptance identities of the objective."""

import math

import pytest
import torch
from torch import Tensor

from vatt_harmony.objective import contrast, similarities

MODES = ("asymmetric", "symmetric", "paper")


def losses(
    anchors: Tensor,
    others: Tensor,
    mode: str,
    *,
    valid: Tensor | None = None,
    candidates: Tensor | None = None,
    negatives: Tensor | None = None,
    temperature: float = 0.07,
) -> Tensor:
    everyone = torch.ones(len(anchors), dtype=torch.bool)
    return contrast(
        similarities(anchors, others, temperature),
        everyone if valid is None else valid,
        torch.ones(others.shape[:2], dtype=torch.bool) if candidates is None else candidates,
        everyone if negatives is None else negatives,
        mode,
    ).losses


def embeddings(batch: int = 5, candidates: int = 3, width: int = 7) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    shapes = (batch, width), (batch, candidates, width)
    anchors, others = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return anchors, others


@pytest.mark.parametrize(("mode", "floor"), [("asymmetric", math.log(2)), ("symmetric", 0.0), ("paper", 0.0)])
def test_perfect_embeddings_reach_the_floor(mode: str, floor: float) -> None:
    eye = torch.eye(64)
    result = losses(eye, eye[:, None].expand(-1, 5, -1), mode)
    assert result.mean() == pytest.approx(floor, abs=1e-4)


@pytest.mark.parametrize("valid_count", [64, 23, 1])
@pytest.mark.parametrize("candidates", [1, 5])
@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_equal_embeddings_with_some_samples_valid(valid_count: int, candidates: int, temperature: float) -> None:
    batch = 64
    ones, valid = torch.ones(batch, 8, dtype=torch.float64), torch.arange(batch) < valid_count
    expected = {
        "asymmetric": math.log(valid_count + batch),
        "symmetric": math.log(valid_count) + math.log(batch),
        "paper": math.log(valid_count + batch - 1),
    }
    for mode in MODES:
        result = losses(ones, ones[:, None].expand(-1, candidates, -1), mode, valid=valid, temperature=temperature)
        assert result[valid].tolist() == pytest.approx([expected[mode]] * valid_count, rel=1e-10)
        assert not result[~valid].any()


@pytest.mark.parametrize(("mode", "value"), [("asymmetric", 1.006409), ("symmetric", 0.626523), ("paper", 0.551445)])
def test_orthonormal_fixture(mode: str, value: float) -> None:
    eye = torch.eye(2, dtype=torch.float64)
    assert losses(eye, eye[:, None], mode, temperature=1.0).tolist() == pytest.approx([value] * 2, abs=5e-7)


@pytest.mark.parametrize("mode", MODES)
def test_identical_candidates_are_one_candidate(mode: str) -> None:
    anchors, others = embeddings(candidates=1)
    torch.testing.assert_close(losses(anchors, others.expand(-1, 5, -1), mode), losses(anchors, others, mode))


@pytest.mark.parametrize("mode", MODES)
def test_written_out_sums(mode: str) -> None:
    anchors, others = embeddings()
    valid = torch.tensor([True, True, False, True, True])
    negatives = torch.tensor([True, True, True, True, True])
    candidates = torch.tensor([[1, 1, 1], [1, 0, 0], [1, 1, 1], [0, 1, 1], [1, 1, 0]]).bool()
    result = losses(anchors, others, mode, valid=valid, candidates=candidates, negatives=negatives, temperature=0.5)
    s = (torch.nn.functional.normalize(anchors, dim=-1) @ torch.nn.functional.normalize(others, dim=-1).mT) / 0.5
    e = s.transpose(0, 1).exp().tolist()  # e[i][j][k]
    for i in range(5):
        if not valid[i]:
            assert result[i] == 0
            continue
        own = sum(e[i][i][k] for k in range(3) if candidates[i, k])
        row = sum(e[i][j][k] for j in range(5) for k in range(3) if valid[j] and candidates[j, k])
        column = sum(e[j][i][k] for j in range(5) for k in range(3) if candidates[i, k])
        expected = {
            "asymmetric": math.log((row + column) / own),
            "symmetric": math.log(row / own) + math.log(column / own),
            "paper": math.log((row + column - own) / own),
        }[mode]
        assert result[i].item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("mode", MODES)
def test_removed_negatives_are_as_if_their_rows_did_not_exist(mode: str) -> None:
    anchors, others = embeddings()
    valid = torch.tensor([True, False, True, True, False])
    result = losses(anchors, others, mode, valid=valid, negatives=valid)
    torch.testing.assert_close(result[valid], losses(anchors[valid], others[valid], mode))
    assert not torch.allclose(result[valid], losses(anchors, others, mode, valid=valid)[valid])


def test_equal_similarities_with_a_candidate_mask() -> None:
    ones, mask = (
        torch.ones(4, 3, dtype=torch.float64),
        torch.tensor([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 1]]).bool(),
    )
    result = losses(ones, ones[:, None].expand(-1, 3, -1), "asymmetric", candidates=mask)
    own = mask.sum(1).double()
    torch.testing.assert_close(result, (mask.sum() + 4 * own).log() - own.log())


@pytest.mark.parametrize("mode", MODES)
def test_gradients_are_right_and_blocked_by_masks(mode: str) -> None:
    anchors, others = (x.requires_grad_() for x in embeddings())
    valid = torch.tensor([True, False, True, True, True])
    candidates = torch.tensor([[1, 1, 1], [1, 1, 1], [1, 0, 0], [0, 1, 1], [1, 1, 0]]).bool()

    def loss(anchors: Tensor, others: Tensor) -> Tensor:
        return losses(anchors, others, mode, valid=valid, candidates=candidates)

    assert torch.autograd.gradcheck(loss, (anchors, others))
    loss(anchors, others).sum().backward()
    assert not others.grad[~(valid[:, None] & candidates)].any()
    assert others.grad[valid[:, None] & candidates].any(dim=-1).all()
    assert anchors.grad[1].any(), "a video without partner is still a negative"


@pytest.mark.parametrize("mode", MODES)
def test_no_valid_sample_no_nan(mode: str) -> None:
    anchors, others = (x.requires_grad_() for x in embeddings())
    losses(anchors, others, mode, valid=torch.zeros(5, dtype=torch.bool)).sum().backward()
    assert not anchors.grad.any() and not others.grad.any()


@pytest.mark.parametrize("mode", MODES)
def test_zero_vectors_have_finite_gradients(mode: str) -> None:
    anchors, others = torch.zeros(3, 4, requires_grad=True), torch.zeros(3, 1, 4, requires_grad=True)
    losses(anchors, others, mode).sum().backward()
    assert anchors.grad.isfinite().all() and others.grad.isfinite().all()


def test_half_precision_and_autocast_are_lifted_to_fp32() -> None:
    anchors, others = (x.to(torch.bfloat16) for x in embeddings())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        similarity = similarities(anchors, others, 0.07)
    assert similarity.dtype == torch.float32
    torch.testing.assert_close(similarity, similarities(anchors.float(), others.float(), 0.07))


def test_recall_counts_ties_as_misses() -> None:
    eye = torch.eye(4)
    anchors = torch.stack([eye[0], eye[1], eye[2], eye[2]])
    others = torch.stack([eye[0], eye[0], eye[2], eye[3]])[:, None]
    everyone = torch.ones(4, dtype=torch.bool)
    s = similarities(anchors, others, 1.0)
    # 0 ties with sample 1, 1 has own similarity 0 like others, 2 is right, 3 is nearer to sample 2.

    def recall(valid: Tensor) -> Tensor:
        return contrast(s, valid, everyone[:, None], everyone, "asymmetric").retrieval.recall_at_1(valid)

    assert recall(everyone) == 0.25
    only = torch.tensor([True, False, False, True])
    assert recall(only) == 0.5
    assert recall(~everyone).isnan()
