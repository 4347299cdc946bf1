"""Image encoders of timm, text encoders of transformers, word counts, given feature files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from support.films import write_film
from transformers import BertConfig, BertModel, BertTokenizerFast

from vatt_harmony.align.features.encoder import Rows
from vatt_harmony.align.features.files import GivenFeatures
from vatt_harmony.align.features.image import TimmClips
from vatt_harmony.align.features.text import TfidfTexts, TransformerTexts
from vatt_harmony.align.sequence import AlignmentSequence, Features, Stream
from vatt_harmony.errors import UserError
from vatt_harmony.media.decode import read_window
from vatt_harmony.model.torchvision_ops import prepare_torchvision

prepare_torchvision()
import timm  # noqa: E402

NAME = "test_vit"
SPANS = [[0.0, 1.0], [1.0, 1.25], [1.25, 3.0]]
TEXTS = ["a dog barks", "rain", "a dog barks loudly on a roof"]


def film_of(path: Path | None, clips: int = 3) -> AlignmentSequence:
    stream = Stream(name="clips", spans=np.array(SPANS)[:clips], features=np.zeros((clips, 0), np.float32))
    return AlignmentSequence(name="film", group="film", streams=(stream,), media=None if path is None else str(path))


def features(encoder: TimmClips | GivenFeatures, film: AlignmentSequence) -> Features:
    rows = list(encoder.clips(film))
    assert all(isinstance(row, Rows) for row in rows)
    return np.concatenate([row.features for row in rows if isinstance(row, Rows)])


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", [1.0, 0.25, 1.75])


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("timm") / "vit.pth"
    torch.save(timm.create_model(NAME, num_classes=7).state_dict(), file)
    return file


def test_an_image_encoder_sees_the_central_picture(film: Path, weights: Path) -> None:
    encoder = TimmClips(NAME, weights)
    found = features(encoder, film_of(film))
    model = timm.create_model(NAME, num_classes=0).eval()
    model.load_state_dict({k: v for k, v in torch.load(weights).items() if k in model.state_dict()})
    config = timm.data.resolve_model_data_config(model)
    picture = read_window(film, 0.5, 1, 1.0, 8000, size=config["input_size"][-1]).video
    pixels = torch.from_numpy(picture).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(config[key])[:, None, None] for key in ("mean", "std"))
    with torch.no_grad():
        expected = torch.nn.functional.normalize(model((pixels - mean) / std))
    np.testing.assert_allclose(found[:1], expected.numpy(), atol=1e-5)
    assert np.abs(found[0] - found[2]).max() > 1e-3


def test_several_pictures_are_averaged_and_known_by_another_fingerprint(film: Path, weights: Path) -> None:
    one, four = TimmClips(NAME, weights), TimmClips(NAME, weights, frames=4)
    assert one.fingerprint != four.fingerprint == TimmClips(NAME, weights, frames=4).fingerprint
    found = features(four, film_of(film))
    assert found.shape == features(one, film_of(film)).shape
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.abs(found - features(one, film_of(film))).max() > 1e-4


def test_a_folder_that_timm_has_saved(film: Path, weights: Path, tmp_path: Path) -> None:
    model = timm.create_model(NAME, num_classes=7)
    model.load_state_dict(torch.load(weights))
    timm.models.save_for_hf(model, str(tmp_path / "saved"), model_config={"num_classes": 7}, safe_serialization=True)
    found = features(TimmClips(str(tmp_path / "saved")), film_of(film))
    np.testing.assert_allclose(found, features(TimmClips(NAME, weights), film_of(film)), atol=1e-6)


def test_image_encoders_that_cannot_be_had(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(UserError, match="vit_of_nowhere cannot be had"):
        TimmClips("vit_of_nowhere", weights)
    state = torch.load(weights)
    state.pop("cls_token")
    torch.save(state, tmp_path / "half.pth")
    with pytest.raises(UserError, match=r"lacks 1 of the encoder's tensors, cls_token"):
        TimmClips(NAME, tmp_path / "half.pth")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "dog", "barks", "rain", "loudly", "on", "roof"]
    (folder / "words.txt").write_text("\n".join(words))
    BertTokenizerFast(vocab=str(folder / "words.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(words), **size)).save_pretrained(folder)
    return folder


def test_a_text_encoder_averages_real_tokens_whatever_the_batch(bert: Path) -> None:
    together, alone = (TransformerTexts(str(bert), batch=batch).texts("", TEXTS).features for batch in (3, 1))
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert TransformerTexts(str(bert)).fingerprint == TransformerTexts(str(bert)).fingerprint


def test_a_text_encoder_that_cannot_be_had(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be had"):
        TransformerTexts(str(tmp_path))


def test_word_counts_need_training_texts() -> None:
    rows = TfidfTexts(TEXTS).texts("", ["a dog barks", "rain"])
    assert rows.features.shape == (2, 300) and rows.joint is None
    with pytest.raises(UserError, match="no training films"):
        TfidfTexts([])


@pytest.mark.parametrize("kind", ["npz", "npy", "safetensors"])
def test_given_features(tmp_path: Path, kind: str) -> None:
    clips = np.arange(6, dtype=np.float64).reshape(3, 2)
    arrays = {"clips": clips, "joint_clips": clips[:, :1], "sentences": clips[:2]}
    if kind == "npz":
        np.savez(tmp_path / "film.npz", **arrays)
    elif kind == "npy":
        np.save(tmp_path / "film.npy", clips)
    else:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, tmp_path / "film.safetensors")
    given = GivenFeatures(tmp_path)
    found = features(given, film_of(None))
    assert found.dtype == np.float32 and (found == clips).all()
    if kind != "npy":
        assert given.texts("film", ["one", "two"]).features.tolist() == clips[:2].tolist()
        first = next(iter(given.clips(film_of(None))))
        assert isinstance(first, Rows) and first.joint is not None and first.joint.shape == (1, 1)


def test_given_features_that_are_wrong(tmp_path: Path) -> None:
    given = GivenFeatures(tmp_path)
    with pytest.raises(UserError, match=r"has no film\.npz"):
        list(given.clips(film_of(None)))
    np.save(tmp_path / "film.npy", np.zeros((3, 2)))
    with pytest.raises(UserError, match=r"clips has the shape \[3, 2\], and film has 2 clips"):
        list(given.clips(film_of(None, clips=2)))
    with pytest.raises(UserError, match="no array 'sentences' but clips"):
        given.texts("film", ["one"])
    np.save(tmp_path / "film.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="pickled objects are not read"):
        list(given.clips(film_of(None)))
