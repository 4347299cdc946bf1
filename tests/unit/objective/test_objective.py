import math

import pytest
import torch
from torch import Tensor

from vatt_harmony.errors import UserError
from vatt_harmony.objective import ObjectiveConfig, PairWeights, pair_losses, valid_pairs

BATCH, CANDIDATES = 6, 3
ALL = ObjectiveConfig(weights=PairWeights(audio_text=1.0))


def embeddings(seed: int = 0) -> dict[str, tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    return {
        "video_audio": (draw(BATCH, 8), draw(BATCH, 8)),
        "video_text": (draw(BATCH, 5), draw(BATCH, CANDIDATES, 5)),
        "audio_text": (draw(BATCH, 5), draw(BATCH, CANDIDATES, 5)),
    }


def masks() -> dict[str, Tensor]:
    text = torch.tensor([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 1, 1], [0, 0, 0], [1, 0, 1]]).bool()
    return {
        "video": torch.tensor([1, 1, 1, 0, 1, 1]).bool(),
        "audio": torch.tensor([1, 0, 1, 1, 1, 1]).bool(),
        "text": text,
    }


def full() -> dict[str, Tensor]:
    everyone = torch.ones(BATCH, dtype=torch.bool)
    return {"video": everyone, "audio": everyone, "text": everyone[:, None].expand(-1, CANDIDATES)}


def test_valid_pairs() -> None:
    assert {pair: mask.long().tolist() for pair, mask in valid_pairs(masks()).items()} == {
        "video_audio": [1, 0, 1, 0, 1, 1],
        "video_text": [1, 1, 1, 0, 0, 1],
        "audio_text": [1, 0, 1, 1, 0, 1],
    }


def test_terms_are_global_means_weighted() -> None:
    weights = PairWeights(video_audio=1.0, video_text=2.0, audio_text=0.5)
    mean = pair_losses(embeddings(), masks(), ObjectiveConfig(weights=weights))
    total = pair_losses(embeddings(), masks(), ObjectiveConfig(weights=weights, total="sum"))
    assert list(mean.terms) == ["video_audio", "video_text", "audio_text"]
    for pair, weight in weights.active().items():
        own = mean.per_sample[pair]
        valid = valid_pairs(masks())[pair]
        assert torch.equal(own.isnan(), ~valid)
        torch.testing.assert_close(total.terms[pair], weight * own[valid].mean())
        torch.testing.assert_close(mean.terms[pair], weight / 3.5 * own[valid].mean())
        torch.testing.assert_close(mean.means[pair], own[valid].mean())
    torch.testing.assert_close(mean.total * 3.5, total.total)


def test_pairs_of_weight_zero_are_not_computed() -> None:
    only_two = {pair: value for pair, value in embeddings().items() if pair != "audio_text"}
    assert list(pair_losses(only_two, masks(), ObjectiveConfig()).terms) == ["video_audio", "video_text"]
    with pytest.raises(UserError, match=r"weights\.audio_text"):
        pair_losses(only_two, masks(), ALL)


def test_pairs_one_by_one_are_the_pairs_together() -> None:
    together = pair_losses(embeddings(), masks(), ALL)
    two = pair_losses(embeddings(), masks(), ALL, only=("video_audio", "audio_text"))
    assert list(two.terms) == ["video_audio", "audio_text"]
    last = pair_losses({"video_text": embeddings()["video_text"]}, masks(), ALL, only=("video_text",))
    for part in (two, last):
        for pair, term in part.terms.items():
            assert torch.equal(together.terms[pair], term) and torch.equal(together.recall[pair], part.recall[pair])


@pytest.mark.parametrize("mode", ["asymmetric", "symmetric", "paper"])
@pytest.mark.parametrize("branch", ["video", "text"])
def test_batch_without_a_pair_is_exactly_zero(mode: str, branch: str) -> None:
    inputs, valid = embeddings(), full()
    valid[branch] = torch.zeros_like(valid[branch])
    result = pair_losses(inputs, valid, ObjectiveConfig(mode=mode))  # type: ignore[arg-type]
    assert result.terms["video_text"] == 0 and result.means["video_text"] == 0
    assert result.recall["video_text"].isnan()
    for x, gradient in zip(inputs["video_text"], torch.autograd.grad(result.total, inputs["video_text"]), strict=True):
        assert torch.equal(gradient, torch.zeros_like(x))


def test_contents_of_invalid_rows_change_nothing() -> None:
    def run(seed: int) -> tuple[Tensor, list[Tensor]]:
        inputs, other = embeddings(), embeddings(seed)
        valid = masks()
        with torch.no_grad():
            inputs["video_text"][1][~valid["text"]] = other["video_text"][1][~valid["text"]]
            inputs["video_audio"][1][~valid["audio"]] = other["video_audio"][1][~valid["audio"]]
            for pair in ("video_audio", "video_text"):  # a missing video is not even a negative
                inputs[pair][0][~valid["video"]] = other[pair][0][~valid["video"]]
        total = pair_losses(inputs, valid, ObjectiveConfig()).total
        leaves = [*inputs["video_audio"], *inputs["video_text"]]
        return total, list(torch.autograd.grad(total, leaves))

    (loss, gradients), (same_loss, same_gradients) = run(1), run(2)
    assert torch.equal(loss, same_loss)
    assert all(torch.equal(a, b) for a, b in zip(gradients, same_gradients, strict=True))
    assert not gradients[2][3].any(), "gradient of a missing video"


def test_video_without_text_is_a_negative_unless_removed() -> None:
    inputs = embeddings()
    video, text = inputs["video_text"]
    kept = torch.autograd.grad(pair_losses(inputs, masks(), ObjectiveConfig()).terms["video_text"], (video, text))
    assert kept[0][4].any() and not kept[1][4].any()
    removed_config = ObjectiveConfig(invalid_anchors="removed")
    removed = torch.autograd.grad(pair_losses(inputs, masks(), removed_config).terms["video_text"], (video,))
    assert not removed[0][4].any()


def test_appended_padding_changes_nothing_when_masked() -> None:
    inputs, valid = embeddings(), masks()
    padded, padded_valid = dict(inputs), dict(valid)
    video, text = inputs["video_text"]
    padding = torch.randn(BATCH, 2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    padded["video_text"] = (video, torch.cat([text, padding], dim=1))
    padded_valid["text"] = torch.cat([valid["text"], torch.zeros(BATCH, 2, dtype=torch.bool)], dim=1)
    config, parity = ObjectiveConfig(), ObjectiveConfig(candidate_mask=False)
    torch.testing.assert_close(
        pair_losses(inputs, valid, config).total, pair_losses(padded, padded_valid, config).total, rtol=1e-12, atol=0
    )
    assert not torch.isclose(
        pair_losses(inputs, valid, parity).total, pair_losses(padded, padded_valid, parity).total, rtol=1e-3
    )


def test_recall_and_floor_of_perfect_embeddings() -> None:
    eye = torch.eye(BATCH)
    perfect = {
        "video_audio": (eye, eye),
        "video_text": (eye, eye[:, None].expand(-1, CANDIDATES, -1)),
        "audio_text": (eye, eye[:, None].expand(-1, CANDIDATES, -1)),
    }
    result = pair_losses(perfect, full(), ALL)
    assert all(value == 1 for value in result.recall.values())
    assert result.total.item() == pytest.approx(math.log(2), abs=1e-4)


def test_runs_on_tensors_without_values() -> None:
    inputs = {pair: (a.to("meta"), o.to("meta")) for pair, (a, o) in embeddings().items()}
    result = pair_losses(inputs, {branch: mask.to("meta") for branch, mask in masks().items()}, ALL)
    assert result.total.device.type == "meta"


@pytest.mark.parametrize("tile", [0, 2])
@pytest.mark.parametrize("mode", ["asymmetric", "symmetric", "paper"])
def test_masses_are_the_softmax_of_rows_and_columns(mode: str, tile: int) -> None:
    config = ObjectiveConfig(mode=mode, tile=tile, temperature=0.5)  # type: ignore[arg-type]
    found = pair_losses(embeddings(), masks(), config).masses["video_text"]
    video, text = (torch.nn.functional.normalize(x.detach(), dim=-1) for x in embeddings()["video_text"])
    both, exist = valid_pairs(masks())["video_text"], masks()["text"]
    e = torch.einsum("id,jkd->ijk", video, text).div(0.5).exp() * exist
    own = e.diagonal().sum(dim=0)
    row, column = e[:, both].sum(dim=(1, 2)), e[masks()["video"]].sum(dim=(0, 2))
    torch.testing.assert_close(found, torch.stack([(own / row)[both].mean(), (own / column)[both].mean()]))


@pytest.mark.parametrize("tile", [0, 2])
def test_masses_of_chance_and_of_nobody(tile: int) -> None:
    same = {"video_audio": (torch.ones(BATCH, 4), torch.ones(BATCH, 4))}
    config = ObjectiveConfig(weights=PairWeights(video_text=0.0), tile=tile)
    valid = {"video": torch.ones(BATCH, dtype=torch.bool), "audio": torch.arange(BATCH) < 3, "text": full()["text"]}
    assert pair_losses(same, valid, config).masses["video_audio"].tolist() == pytest.approx([1 / 3, 1 / BATCH])
    valid["audio"] = ~full()["audio"]
    assert not pair_losses(same, valid, config).masses["video_audio"].any()
