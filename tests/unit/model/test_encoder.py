"""The pooling block, checkpointing and number types of the trunk."""

from typing import Any

import pytest
import torch
from support.small_model import media, small_model
from torch import Tensor
from torch.nn.functional import gelu

from vatt_harmony.model.encoder import Block, Encoder, PoolingBlock
from vatt_harmony.model.t5 import T5Encoder
from vatt_harmony.model.vatt import Vatt


def gradients(model: Vatt) -> dict[str, Tensor]:
    got = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return got


def loss(out: dict[str, Tensor]) -> Tensor:
    return sum(
        (out[b] * torch.linspace(-1, 1, out[b].numel()).view_as(out[b])).sum() for b in ("video", "audio", "text")
    )


def pooled_by_full_blocks(block: PoolingBlock, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    out, hidden = Block._rows(block, x, x.shape[1], mask)
    return out[:, 0], hidden[:, 0]


@pytest.mark.parametrize("kind", ["agnostic", "specific"])
def test_pooling_block_equals_the_full_block(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = small_model(kind=kind), media()
    short = model(**inputs)
    loss(short).backward()
    short_gradients = gradients(model)
    monkeypatch.setattr(PoolingBlock, "forward", pooled_by_full_blocks)
    full = model(**inputs)
    loss(full).backward()
    full_gradients = gradients(model)
    torch.testing.assert_close(short, full, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(short_gradients, full_gradients, rtol=1e-10, atol=1e-10)
    trunk = {name for name, _ in model.named_parameters() if not name.startswith("head_stage")}
    assert set(short_gradients) == trunk


@pytest.mark.parametrize("kind", ["agnostic", "specific"])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_checkpointing_gives_the_same_gradients(kind: Any, dropout: float) -> None:
    results = []
    for checkpointing in (False, True):
        model = small_model(kind=kind, checkpointing=checkpointing, dropout=dropout)
        torch.manual_seed(3)
        loss(model(**media())).backward()
        results.append(gradients(model))
    torch.testing.assert_close(results[0], results[1], rtol=1e-12, atol=1e-12)


def test_activation_is_the_input_of_the_last_matrix() -> None:
    model, inputs = small_model(), media()
    last = model.encoders["shared"].blocks[-1]
    seen: list[Tensor] = []
    last.wo.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    out = model(video=inputs["video"], video_seed=inputs["video_seed"])
    assert set(out) == {"video", "video_act"}
    assert torch.equal(out["video_act"], seen[0][:, 0]) and not out["video_act"].requires_grad


def test_block_by_hand() -> None:
    torch.manual_seed(0)
    block = Block(8, 12, 2).double()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.rand(2, 5, 8, dtype=torch.float64)
    y = block.attention_norm(x)
    q, (k, v) = block.attention.q(y), block.attention.kv(y).chunk(2, -1)
    q, k, v = (t.view(2, 5, 2, 4).transpose(1, 2) for t in (q, k, v))
    mixed = ((q @ k.mT / 2).softmax(-1) @ v).transpose(1, 2).reshape(2, 5, 8)
    h = x + block.attention.o(mixed)
    expected = h + block.wo(gelu(block.wi(block.ff_norm(h))))
    torch.testing.assert_close(block(x, None), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", ["agnostic", "specific"])
@pytest.mark.parametrize("sound", ["waveform", "spectrogram"])
def test_low_precision_stays_near(dtype: torch.dtype, kind: Any, sound: Any) -> None:
    exact = small_model(kind=kind, sound=sound)
    low = small_model(dtype, kind=kind, sound=sound)
    reference, got = exact(**media()), low(**media(dtype=torch.float32))
    for branch in ("video", "audio", "text"):
        assert got[branch].dtype == dtype
        assert (got[branch].double() - reference[branch]).norm() < 0.03 * reference[branch].norm()
    loss({name: value.float() for name, value in got.items()}).backward()
    assert all(g.isfinite().all() for g in gradients(low).values())


def test_nothing_couples_samples() -> None:
    model, inputs = small_model(), media()
    whole = model(**inputs)
    alone = model(**{name: value[1:2] for name, value in inputs.items()})
    for name, value in alone.items():
        torch.testing.assert_close(value, whole[name][1:2])


def test_depth_one() -> None:
    assert isinstance(T5Encoder(1, 8, 12, 2, 0.0, False).encoder, Encoder)
    encoder = Encoder(1, lambda kind: kind(8, 12, 2), False, 0.0)
    z, act = encoder(torch.rand(2, 5, 8))
    assert z.shape == (2, 8) and act.shape == (2, 12)
