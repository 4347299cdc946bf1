"""The tiled loss beyond its equality with the whole matrix: memory, precision, masks, errors."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from vatt_harmony.errors import UserError
from vatt_harmony.objective import ObjectiveConfig, Ranks, contrast, pair_losses, similarities, tiled_contrast

BATCH, CANDIDATES = 9, 3
EVERYONE = torch.ones(BATCH, dtype=torch.bool)
ALL = torch.ones(BATCH, CANDIDATES, dtype=torch.bool)


def embeddings(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    shapes = (BATCH, 5), (BATCH, CANDIDATES, 5)
    anchors, others = (torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes)
    return anchors.requires_grad_(), others.requires_grad_()


def total(anchors: Tensor, others: Tensor, temperature: float = 0.07, rows: int = 2) -> Tensor:
    return tiled_contrast(
        anchors, others, EVERYONE, ALL, EVERYONE, "asymmetric", temperature, rows=rows, ranks=Ranks()
    ).total


class LargestResult(TorchDispatchMode):
    """Elements of the largest tensor that any operator gives."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.elements = max(self.elements, result.numel())
        return result


@pytest.mark.parametrize("mode", ["asymmetric", "symmetric", "paper"])
def test_no_matrix_of_similarities_is_made(mode: str) -> None:
    video, text = (torch.randn(*shape, requires_grad=True) for shape in ((40, 4), (40, 2, 4)))
    here = torch.ones(40, dtype=torch.bool)
    valid = {"video": here, "audio": here, "text": here[:, None].expand(-1, 2)}
    largest = {}
    for tile in (0, 5):
        config = ObjectiveConfig(mode=mode, tile=tile)  # type: ignore[arg-type]
        with LargestResult() as counted:
            result = pair_losses({"video_text": (video, text)}, valid, config, only=("video_text",))
            torch.autograd.grad(result.total, (video, text))
        largest[tile] = counted.elements
    assert largest == {0: 40 * 40 * 2, 5: 5 * 40 * 2}


def test_rows_that_are_not_valid_get_exactly_no_gradient() -> None:
    anchors, others = embeddings(torch.float32)
    valid, negatives = EVERYONE.clone(), EVERYONE.clone()
    valid[2:4], negatives[2] = False, False
    candidates = ALL.clone()
    candidates[5, 1:] = False
    result = tiled_contrast(anchors, others, valid, candidates, negatives, "symmetric", 0.07, rows=4, ranks=Ranks())
    at_anchors, at_others = torch.autograd.grad(result.total, (anchors, others))
    assert torch.equal(result.losses == 0, ~valid)
    assert torch.equal(at_anchors.any(dim=1), negatives), "row 3 is a negative of the others"
    assert torch.equal(at_others.any(dim=2), valid[:, None] & candidates)


@pytest.mark.parametrize("mode", ["asymmetric", "symmetric", "paper"])
def test_no_valid_sample_no_nan(mode: str) -> None:
    anchors, others = embeddings()
    result = tiled_contrast(anchors, others, ~EVERYONE, ALL, EVERYONE, mode, 0.07, rows=4, ranks=Ranks())
    assert result.total == 0 and result.retrieval.recall_at_1(~EVERYONE).isnan()
    assert not any(gradient.any() for gradient in torch.autograd.grad(result.total, (anchors, others)))


@pytest.mark.parametrize("temperature", [0.07, 0.01, 0.003])
def test_low_temperatures_do_not_leave_the_range_of_fp32(temperature: float) -> None:
    found = total(*(wide := embeddings(torch.float32)), temperature)
    wanted = contrast(
        similarities(*(x.detach().double() for x in wide), temperature), EVERYONE, ALL, EVERYONE, "asymmetric"
    )
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), wanted.total, rtol=1e-5, atol=0)
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(found, wide))


def test_a_temperature_without_any_range_is_refused() -> None:
    with pytest.raises(UserError, match=r"0\.003 or more"):
        total(*embeddings(), temperature=0.002)


def test_half_precision_and_autocast_are_lifted_to_fp32() -> None:
    anchors, others = embeddings(torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = total(anchors, others)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, total(anchors.detach().float(), others.detach().float()))


@pytest.mark.parametrize("make", [torch.zeros_like, lambda x: 1e-9 * torch.ones_like(x)])
def test_vectors_without_length_have_the_gradient_of_the_whole_matrix(make: Callable[[Tensor], Tensor]) -> None:
    inputs = [make(x.detach()).requires_grad_() for x in embeddings()]
    found = torch.autograd.grad(total(*inputs), inputs)
    whole = contrast(similarities(*inputs, 0.07), EVERYONE, ALL, EVERYONE, "asymmetric").total
    for gradient, wanted in zip(found, torch.autograd.grad(whole, inputs), strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-9, atol=1e-6)


def test_without_gradients_wanted_none_are_made() -> None:
    with torch.no_grad():
        assert not total(*embeddings()).requires_grad
    torch.testing.assert_close(total(*(x.detach() for x in embeddings())), total(*embeddings()).detach())


def test_runs_on_tensors_without_values() -> None:
    anchors, others = (x.to("meta") for x in embeddings())
    masks = [mask.to("meta") for mask in (EVERYONE, ALL, EVERYONE)]
    result = tiled_contrast(anchors, others, *masks, "paper", 0.07, rows=4, ranks=Ranks())
    assert result.total.device.type == "meta"


def test_rows_a_tile_are_chosen_by_the_batch() -> None:
    assert ObjectiveConfig().rows_a_tile(2048) == 2048
    assert ObjectiveConfig().rows_a_tile(2049) == 64
    assert ObjectiveConfig(tile=300).rows_a_tile(64) == 300


def test_ranks_share_all_rows_whatever_their_number() -> None:
    for count, world_size in ((7, 4), (2, 4), (8, 2), (0, 3)):
        rows = [row for rank in range(world_size) for row in Ranks(rank=rank, world_size=world_size).own(count)]
        assert rows == list(range(count))
