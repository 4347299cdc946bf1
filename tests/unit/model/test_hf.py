"""`VattModel` as a transformers model: spaces, unit vectors, types, saving."""

from pathlib import Path

import pytest
import torch
from support.batches import tiny_config

from vatt_harmony.model.hf import VattModel
from vatt_harmony.model.hf_config import VattConfig
from vatt_harmony.model.vatt import Vatt


def build(**changes: object) -> VattModel:
    torch.manual_seed(0)
    return VattModel(VattConfig(vatt=tiny_config(**changes).to_dict())).eval()


@pytest.fixture(scope="module")
def model() -> VattModel:
    return build()


VIDEO = torch.randint(0, 256, (2, 4, 16, 16, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
AUDIO = torch.randn(3, 256, generator=torch.Generator().manual_seed(0))
IDS = torch.tensor([[5, 6, 7, 0, 0, 0], [0, 0, 0, 0, 0, 0]])


def test_features_are_unit_vectors_of_their_space(model: VattModel) -> None:
    shapes = {
        (2, 12): model.get_video_features(VIDEO, space="va"),
        (2, 8): model.get_video_features(VIDEO),
        (3, 12): model.get_audio_features(AUDIO),
    }
    for shape, vectors in shapes.items():
        assert vectors.shape == shape
        torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(len(vectors)))
    raw = model.get_text_features(IDS, normalize=False)
    torch.testing.assert_close(torch.nn.functional.normalize(raw, dim=-1), model.get_text_features(IDS))


def test_forward_takes_any_modalities_in_any_number(model: VattModel) -> None:
    both = model(video=VIDEO, input_ids=IDS)
    assert set(both.keys()) == {"video_va", "video_vt", "text_vt"}
    assert torch.equal(both.video_vt, model.get_video_features(VIDEO))
    assert model(audio=AUDIO).audio_va.shape == (3, 12)


def test_space_without_a_head_is_told(model: VattModel) -> None:
    with pytest.raises(ValueError, match="no audio_text head"):
        model.get_audio_features(AUDIO, space="vt")
    with pytest.raises(ValueError, match="one of \\['va', 'vt'\\]"):
        model.get_video_features(VIDEO, space="text")  # type: ignore[arg-type]
    assert build(audio_text_head=True)(audio=AUDIO).audio_vt.shape == (3, 8)


def test_building_keeps_the_models_own_initial_values(model: VattModel) -> None:
    torch.manual_seed(0)
    own = Vatt(tiny_config()).state_dict()
    assert all(torch.equal(tensor, own[name]) for name, tensor in model.vatt.state_dict().items())


def test_saving_is_bit_equal_and_lower_types_keep_the_heads(model: VattModel, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    again = VattModel.from_pretrained(tmp_path)
    assert not again.training and again.config.model_config == model.config.model_config
    assert torch.equal(again.get_video_features(VIDEO), model.get_video_features(VIDEO))
    half = VattModel.from_pretrained(tmp_path, dtype=torch.bfloat16)
    types = {name.startswith("vatt.head_stage."): tensor.dtype for name, tensor in half.state_dict().items()}
    assert types == {True: torch.float32, False: torch.bfloat16}
    cosine = (half.get_video_features(VIDEO) * model.get_video_features(VIDEO)).sum(-1)
    assert cosine.min() > 0.98


def test_training_mode_drops_tokens_and_has_gradients(model: VattModel) -> None:
    train = build().train()
    torch.manual_seed(1)
    one, two = train.get_audio_features(AUDIO), train.get_audio_features(AUDIO)
    assert not torch.equal(one, two)
    one.sum().backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in train.vatt.encoders.parameters())


def test_unknown_fields_of_a_config_are_refused() -> None:
    with pytest.raises(TypeError, match="widht"):
        VattConfig(vatt={"widht": 3})
