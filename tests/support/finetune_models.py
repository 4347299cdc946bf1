"""Small networks and inputs of fine-tunes."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vatt_harmony.config import from_mapping
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.finetune.models.model import FinetuneModel, build_model

CNN = {"kind": "timm", "name": "test_resnet"}
VIT = {"kind": "timm", "name": "test_vit"}
CLASSES = ("calm", "angry", "sad")
INPUTS = {
    "video": {"frames": 2, "size": 32},
    "audio": {"sample_rate": 8000, "seconds": 0.5, "n_fft": 256, "hop": 125, "mels": 32, "normalise": "sample"},
    "text": {"words": 6},
}


def finetune_config(encoders: dict[str, Any], fusion: str = "linear", **inputs: Any) -> FinetuneConfig:
    """A configuration of the named encoders, as a recipe would have it; `inputs` replace those above."""
    mapping = {
        "data": {"set": "table", "root": "nowhere", "modalities": list(encoders)},
        "encoders": encoders,
        "train": {"epochs": 1},
        "inputs": {name: {**INPUTS.get(name, {}), **inputs.get(name, {})} for name in {**INPUTS, **inputs}},
        "fusion": {"kind": fusion, "width": 16, "heads": 2, "layers": 1},
    }
    return from_mapping(FinetuneConfig, mapping)


def small_finetune_model(encoders: dict[str, Any], fusion: str = "linear", **inputs: Any) -> FinetuneModel:
    """A model of three classes; the same random weights each time."""
    torch.manual_seed(0)
    return build_model(finetune_config(encoders, fusion, **inputs), CLASSES)


def clips(count: int = 3) -> dict[str, Tensor]:
    """Video and sound that fit `INPUTS`."""
    generator = torch.Generator().manual_seed(1)
    return {
        "video": torch.randint(0, 256, (count, 2, 32, 32, 3), dtype=torch.uint8, generator=generator),
        "audio": torch.rand(count, 4000, generator=generator) * 2 - 1,
    }


def save_bert(folder: Path) -> Path:
    """A tiny BERT with random weights, as transformers saves it."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(3)
    config = BertConfig(vocab_size=30, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=20)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def save_wav2vec(folder: Path, layers: int = 3) -> Path:
    """A tiny wav2vec 2.0 with random weights, shaped like wav2vec2-large-robust."""
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    torch.manual_seed(4)
    config = Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=layers, num_attention_heads=2, intermediate_size=20, conv_dim=(8, 8),
        conv_kernel=(10, 8), conv_stride=(5, 4), feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True,
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    Wav2Vec2Model(config).save_pretrained(folder)
    return folder
