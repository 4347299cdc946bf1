"""Text encoders of transformers."""

from pathlib import Path

import pytest
import torch
from support.finetune_models import save_bert

from vatt_harmony.finetune.config import EncoderConfig
from vatt_harmony.finetune.models.text_encoder import TextEncoder

IDS = torch.tensor([[5, 6, 7, 0, 0], [0, 0, 0, 0, 0]])


def encoder(place: Path, **changes: object) -> TextEncoder:
    return TextEncoder(EncoderConfig(kind="transformers", weights=str(place), **changes)).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_padding_is_not_read(pool: str, tmp_path: Path) -> None:
    network = encoder(save_bert(tmp_path), pool=pool)
    with torch.no_grad():
        output, short = network(IDS), network(IDS[:1, :3])
    torch.testing.assert_close(output.pooled[:1], short.pooled)
    expected = output.tokens[0, :3].mean(0) if pool == "mean" else output.tokens[0, 0]
    torch.testing.assert_close(output.pooled[0], expected)
    assert output.mask.tolist() == [[True, True, True, False, False], [True, False, False, False, False]]
    assert output.pooled.isfinite().all()  # an empty sentence, too
    assert network.width == 16


def test_weights_are_taken_or_only_the_shape(tmp_path: Path) -> None:
    place = save_bert(tmp_path)
    same, other = encoder(place), encoder(place, pretrained=False)
    with torch.no_grad():
        assert torch.equal(encoder(place)(IDS).pooled, same(IDS).pooled)
        assert not torch.allclose(other(IDS).pooled, same(IDS).pooled)


def test_of_an_encoder_decoder_the_encoder_is_used(tmp_path: Path) -> None:
    from transformers import T5Config, T5Model

    T5Model(T5Config(vocab_size=30, d_model=16, d_kv=8, d_ff=20, num_layers=1, num_heads=2)).save_pretrained(tmp_path)
    network = encoder(tmp_path)
    with torch.no_grad():
        assert network(IDS).pooled.shape == (2, 16)
    assert not any("decoder" in name for name, _ in network.named_parameters())
