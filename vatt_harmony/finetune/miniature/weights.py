"""Exported and saved models with the shapes a recipe needs and next to no weights."""

from pathlib import Path

import torch

from vatt_harmony.downstream.export import export
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.model.config import ModelConfig, TowerConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.stream.config import StreamConfig
from vatt_harmony.stream.tokenizer import train_tokenizer

TOWER = TowerConfig(depth=1, width=32, ff=64, heads=2)


def write_vatt(folder: Path, config: FinetuneConfig) -> Path:
    """A VATT that reads the frames, pixels, samples and words of `config`; gives the exported folder."""
    video, audio, words = config.inputs.video, config.inputs.audio, config.inputs.text.words
    read = config.data.modalities
    # Of a tower that the recipe does not use, the least that makes a model.
    frames, size = (video.frames, video.shape[0]) if "video" in read else (4, 16)
    seconds = audio.seconds if "audio" in read else 0.1
    stream = StreamConfig(
        global_batch=2, frames=frames, fps=frames / seconds, size=size, sample_rate=audio.sample_rate, words=words,
        workers=0,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = train_tokenizer(["a red ball rolls", "a dog barks"], 64, words)
    tokenizer.save(folder / "tokenizer.json")
    torch.manual_seed(0)
    vatt = Vatt(
        ModelConfig(
            trunk=TOWER, video_tower=TOWER, audio_tower=TOWER, text_tower=TOWER, frames=frames,
            size=size, samples=stream.samples, sample_rate=stream.sample_rate, words=words,
            vocabulary=tokenizer.vocabulary, text_width=12, d_va=16, d_vt=8, post_width=24,
        )
    )  # fmt: skip
    export(vatt, folder / "tokenizer.json", stream, folder / "model", weights={"video_audio": 1.0, "video_text": 1.0})
    return folder / "model"


def write_speech(folder: Path) -> Path:
    """A wav2vec 2.0 of two thin layers, as transformers saves it."""
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        conv_dim=(16,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4,
    )  # fmt: skip
    Wav2Vec2Model(config).save_pretrained(folder)
    return folder
