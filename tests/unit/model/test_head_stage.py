"""Masked batch norm and the head stage."""

from typing import Any

import pytest
import torch
from support.small_model import small_config, small_model
from torch import Tensor, nn

from vatt_harmony.model.heads import HeadStage
from vatt_harmony.model.norm import MaskedBatchNorm

F64 = torch.float64


def rows(config: Any, batch: int = 6, candidates: int = 3, dtype: torch.dtype = F64) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2)
    shapes = {"video": (batch,), "audio": (batch,), "text": (batch, candidates)}
    return {
        b: torch.randn(*shape, config.widths[b], generator=generator, dtype=F64).to(dtype)
        for b, shape in shapes.items()
    }


def all_valid(z: dict[str, Tensor]) -> dict[str, Tensor]:
    return {b: torch.ones(x.shape[:-1], dtype=torch.bool) for b, x in z.items()}


def test_batch_norm_equals_torchs_on_the_valid_rows() -> None:
    own, other = MaskedBatchNorm(4).double(), nn.BatchNorm1d(4).double()
    valid = torch.tensor([[True, False, True], [True, True, False]])
    for _ in range(3):
        x = torch.randn(2, 3, 4, dtype=F64)
        torch.testing.assert_close(own(x, valid, True)[valid], other(x[valid]))
    torch.testing.assert_close(own.running_mean, other.running_mean)
    torch.testing.assert_close(own.running_var, other.running_var)
    x = torch.randn(2, 3, 4, dtype=F64)
    torch.testing.assert_close(own.eval()(x, valid, True)[valid], other.eval()(x[valid]))


def test_invalid_rows_change_nothing_and_get_no_gradient_through_statistics() -> None:
    norm, valid = MaskedBatchNorm(4).double(), torch.tensor([True, True, False, True])
    x = torch.randn(4, 4, dtype=F64, requires_grad=True)
    y = norm(x, valid, False)
    changed = torch.where(valid[:, None], x, 1e6)
    torch.testing.assert_close(norm(changed, valid, False)[valid], y[valid])
    y[valid].square().sum().backward()
    assert x.grad is not None and torch.equal(x.grad[2], torch.zeros(4, dtype=F64))


def test_statistics_move_only_on_request() -> None:
    norm, x = MaskedBatchNorm(4), torch.randn(5, 4)
    norm(x, torch.ones(5, dtype=torch.bool), False)
    assert torch.equal(norm.running_mean, torch.zeros(4)) and torch.equal(norm.running_var, torch.ones(4))


def test_no_valid_row_uses_the_running_statistics() -> None:
    norm, x = MaskedBatchNorm(4).double(), torch.randn(5, 4, dtype=F64, requires_grad=True)
    y = norm(x, torch.zeros(5, dtype=torch.bool), True)
    torch.testing.assert_close(y, norm.eval()(x, torch.zeros(5, dtype=torch.bool), True))
    assert torch.equal(norm.running_var, torch.ones(4, dtype=F64))
    y.sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_buffers_stay_float32(dtype: torch.dtype) -> None:
    norm = MaskedBatchNorm(3)
    norm.running_mean.fill_(1 / 3)
    norm.to(dtype)
    assert norm.weight.dtype == dtype
    assert norm.running_mean.dtype == torch.float32 and norm.running_mean[0] == torch.tensor(1 / 3)
    assert norm.double().running_mean.dtype == F64
    assert MaskedBatchNorm(3).to("meta", dtype).running_var.dtype == torch.float32


@pytest.mark.parametrize("kind", ["agnostic", "specific"])
@pytest.mark.parametrize("heads", ["code", "paper", "joint"])
@pytest.mark.parametrize("audio_text", [False, True])
def test_pairs_and_shapes(kind: Any, heads: Any, audio_text: bool) -> None:
    config = small_config(kind=kind, heads=heads, audio_text_head=audio_text)
    stage, z = HeadStage(config).double(), rows(config)
    out = stage(z, all_valid(z), True)
    vt = 16 if heads == "joint" else 8
    expected = {"video_audio": ((6, 16), (6, 16)), "video_text": ((6, vt), (6, 3, vt))}
    if audio_text:
        expected["audio_text"] = ((6, vt), (6, 3, vt))
    assert {pair: (tuple(a.shape), tuple(b.shape)) for pair, (a, b) in out.items()} == expected
    sum((a.sum() + b.sum()) for a, b in out.values()).backward()
    assert all(p.grad is not None for p in stage.parameters())


def test_code_heads_by_hand() -> None:
    config = small_config(kind="specific")
    stage, z = HeadStage(config).double(), rows(config)
    x, heads = stage.features(z), stage.heads
    first, _, _, second, _ = heads.video_to_va.layers
    bn = lambda t: (t - t.mean(0)) / (t.var(0, correction=0) + 1e-5).sqrt()  # noqa: E731
    va = bn(bn(x["video"] @ first.weight.T).relu() @ second.weight.T)
    out = stage(z, all_valid(z), False)
    torch.testing.assert_close(out["video_audio"][0], va)
    torch.testing.assert_close(out["video_text"][0], bn(va.relu() @ heads.va_to_vt.layers[1].weight.T))
    torch.testing.assert_close(out["video_audio"][1], heads.audio_to_va.layers[0](x["audio"]))
    torch.testing.assert_close(out["video_text"][1], heads.text_to_vt.layers[0](x["text"]))


@pytest.mark.parametrize("heads", ["code", "paper"])
def test_invalid_text_changes_nothing(heads: Any) -> None:
    config = small_config(heads=heads)
    stage, z = HeadStage(config).double(), rows(config)
    valid = all_valid(z)
    valid["text"][1] = valid["text"][3, 2] = False
    before = stage(z, valid, False)
    z["text"] = torch.where(valid["text"][..., None], z["text"], 77.0)
    after = stage(z, valid, False)
    torch.testing.assert_close(after["video_audio"], before["video_audio"])
    torch.testing.assert_close(after["video_text"][1][valid["text"]], before["video_text"][1][valid["text"]])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_parameters_compute_in_float32(dtype: torch.dtype) -> None:
    config = small_config(heads="paper")
    low = HeadStage(config).to(dtype)
    wide = HeadStage(config)
    wide.load_state_dict(low.state_dict())
    z = rows(config, dtype=dtype)
    with torch.autocast("cpu", torch.bfloat16):
        got = low(z, all_valid(z), True)
    assert all(a.dtype == b.dtype == torch.float32 for a, b in got.values())
    torch.testing.assert_close(got, wide({b: x.float() for b, x in z.items()}, all_valid(z), True))


def test_missing_branches() -> None:
    config = small_config(audio_text_head=True)
    stage, z = HeadStage(config).double().eval(), rows(config)
    assert set(stage({b: z[b] for b in ("video", "text")}, all_valid(z), False)) == {"video_text"}
    whole, alone = stage(z, all_valid(z), False), stage.embed({"text": z["text"]})
    assert {pair: set(branches) for pair, branches in alone.items() if branches} == {
        "video_text": {"text"},
        "audio_text": {"text"},
    }
    torch.testing.assert_close(alone["video_text"]["text"], whole["video_text"][1])


def test_trunk_outputs_feed_the_stage() -> None:
    model = small_model().eval()
    z = model(text=torch.randint(1, 40, (4, 5)))
    assert model.head_stage.embed(z)["video_text"]["text"].shape == (4, 8)
