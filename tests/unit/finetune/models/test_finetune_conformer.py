"""Conformer blocks, and the encoder of the MLB experiments made of them."""

from pathlib import Path

import pytest
import torch
from support.finetune_models import save_bert, save_wav2vec

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import ConformerConfig, EncoderConfig
from vatt_harmony.finetune.models.conformer import Conformer, rotary
from vatt_harmony.finetune.models.conformer_encoder import ConformerEncoder

SMALL = ConformerConfig(width=16, layers=1, heads=2, kernel=3, stem=6, base_layers=2)


def config(**changes: object) -> EncoderConfig:
    return EncoderConfig(kind="conformer", **changes)  # type: ignore[arg-type]


def test_what_stands_at_padding_does_not_matter() -> None:
    torch.manual_seed(0)
    blocks = Conformer(16, 2, 2, 5, 0.1).eval()
    x = torch.randn(2, 11, 16)
    other = torch.cat([x[:, :7], torch.full((2, 4, 16), torch.nan)], dim=1)
    mask = torch.arange(11).expand(2, -1) < 7
    with torch.no_grad():
        assert torch.equal(blocks(other, mask)[:, :7], blocks(x, mask)[:, :7])
        assert not torch.allclose(blocks(x)[:, :7], blocks(x, mask)[:, :7], atol=1e-3)


def test_rotary_scores_depend_on_the_distance_alone() -> None:
    cosines, sines = rotary(9, 4)[:, :, 0, 0]
    torch.manual_seed(0)
    q, k = torch.randn(4), torch.randn(4)

    def turned(x: torch.Tensor, place: int) -> torch.Tensor:
        half = torch.cat([-x[2:], x[:2]])
        return x * cosines[place] + half * sines[place]

    near = torch.dot(turned(q, 5), turned(k, 3)).item()
    assert torch.dot(turned(q, 8), turned(k, 6)).item() == pytest.approx(near, rel=1e-5)
    assert torch.dot(turned(q, 5), turned(k, 4)).item() != pytest.approx(near, rel=1e-2)


def test_face_vectors_pass_fifty_channels_to_five_blocks_of_512() -> None:
    encoder = ConformerEncoder(config(), 1408)
    assert (encoder.stem.in_channels, encoder.stem.out_channels) == (1408, 50)
    assert (len(encoder.blocks.blocks), encoder.width) == (5, 512)
    # A block: two feed-forwards of 4 x 512, attention, convolution (2 + 1 times 512^2, 31 taps), six norms.
    block = 2 * (2 * 512 * 2048 + 2048 + 512) + 4 * (512 * 512 + 512) + 3 * 512 * 512 + 31 * 512 + 6 * 1024
    stem = 1408 * 50 + 50 + 50 * 512 + 512
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 5 * block + stem
    with torch.no_grad():
        output = encoder(torch.randn(1, 4, 1408))
    assert output.pooled.shape == (1, 512) and output.tokens.shape == (1, 4, 512)
    torch.testing.assert_close(output.pooled, output.tokens.mean(1))


def test_the_first_layers_of_a_speech_model_are_read_and_its_convolutions_stay(tmp_path: Path) -> None:
    place = save_wav2vec(tmp_path, layers=3)
    torch.manual_seed(0)
    encoder = ConformerEncoder(config(conformer=ConformerConfig(**{**vars(SMALL), "base": str(place)})), 1)
    network = encoder.network
    assert len(network.encoder.layers) == 2 and network.encoder.layers[1].attention.q_proj.weight.requires_grad
    assert not any(parameter.requires_grad for parameter in network.feature_extractor.parameters())
    assert network.config.layerdrop == network.config.mask_time_prob == network.config.mask_feature_prob == 0
    waves = torch.rand(2, 800) - 0.5
    encoder(waves).pooled.sum().backward()
    assert network.encoder.layers[0].attention.q_proj.weight.grad is not None


def test_a_speech_model_of_fewer_layers_is_kept_whole(tmp_path: Path) -> None:
    conformer = ConformerConfig(**{**vars(SMALL), "base": str(save_wav2vec(tmp_path, layers=1))})
    assert len(ConformerEncoder(config(conformer=conformer), 1).network.encoder.layers) == 1


def test_weights_of_the_speech_model_may_be_left_behind(tmp_path: Path) -> None:
    place = save_wav2vec(tmp_path)
    conformer = ConformerConfig(**{**vars(SMALL), "base": str(place)})
    trained = ConformerEncoder(config(conformer=conformer), 1).network.encoder.layers[0].attention.q_proj.weight
    again = ConformerEncoder(config(conformer=conformer), 1).network.encoder.layers[0].attention.q_proj.weight
    fresh = ConformerEncoder(config(conformer=conformer, pretrained=False), 1)
    assert torch.equal(trained, again)
    assert not torch.equal(trained, fresh.network.encoder.layers[0].attention.q_proj.weight)


def test_what_does_not_hear_is_refused(tmp_path: Path) -> None:
    conformer = ConformerConfig(**{**vars(SMALL), "base": str(save_bert(tmp_path))})
    with pytest.raises(UserError, match="BertModel, which does not hear waveforms"):
        ConformerEncoder(config(conformer=conformer), 1)
    with pytest.raises(UserError, match="cannot be had"):
        ConformerEncoder(config(conformer=ConformerConfig(base=str(tmp_path / "nowhere"))), 1)
