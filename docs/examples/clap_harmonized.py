"""CLAP of transformers, made from a config, trained on batches of our stream; argument: a folder for the clips."""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from demo_stream import open_demo_stream
from torch import Tensor
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

from vatt_harmony.harmony import Harmonizer
from vatt_harmony.stream.batch import Batch

RATE = 16000  # the demo corpus; released CLAP models want 48,000 Hz
EXTRACTOR = ClapFeatureExtractor(
    feature_size=32, sampling_rate=RATE, hop_length=160, fft_window_size=512, frequency_max=8000, max_length_s=1,
    truncation="rand_trunc",
)  # fmt: skip


def build(vocabulary: int) -> ClapModel:
    """A small model with random weights; `ClapModel.from_pretrained(...)` gives a released one."""
    text = {"vocab_size": vocabulary, "pad_token_id": 0, "max_position_embeddings": 32, "hidden_size": 48}
    text |= {"intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    audio = {"num_mel_bins": 32, "spec_size": 64, "window_size": 4, "depths": [1, 1], "num_attention_heads": [2, 4]}
    audio |= {"patch_embeds_hidden_size": 16, "hidden_size": 32}
    quiet = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return ClapModel(ClapConfig(text_config=text | quiet, audio_config=audio | quiet, projection_dim=32))


def features(sound: Tensor) -> Tensor:
    """Log-mel features of sounds `[B, S]` by the model's own extractor."""
    return EXTRACTOR(list(sound.numpy()), sampling_rate=RATE, return_tensors="pt")["input_features"]


def changed(sound: Tensor) -> Tensor:
    """The same sounds, softer and a quarter later."""
    return 0.5 * sound.roll(sound.shape[1] // 4, dims=1)


def contrast(anchors: Tensor, others: Tensor, scale: Tensor, valid: Tensor) -> Tensor:
    """InfoNCE in both directions, over the rows that have both sides."""
    logits = scale.exp() * anchors[valid] @ others[valid].T
    own = torch.arange(len(logits), device=logits.device)
    both = F.cross_entropy(logits, own, reduction="sum") + F.cross_entropy(logits.T, own, reduction="sum")
    return both / (2 * max(len(logits), 1))


def represent(model: ClapModel, batch: Batch) -> dict[str, Tensor]:
    """The towers' outputs, and which captions there are."""
    ids, told = batch.text.flatten(0, 1), batch.text_mask
    audio = model.audio_model(features(batch.audio).to(model.dtype)).pooler_output
    other = model.audio_model(features(changed(batch.audio)).to(model.dtype)).pooler_output
    text = model.text_model(ids, attention_mask=(ids != 0).long()).pooler_output.unflatten(0, told.shape)
    return {"audio": audio, "other": other, "text": text, "told": told}


def losses(model: ClapModel, z: dict[str, Tensor]) -> dict[str, Tensor]:
    """The model's projections and the losses over all clips."""
    audio, other = (F.normalize(model.audio_projection(z[name]), dim=-1) for name in ("audio", "other"))
    text, told = F.normalize(model.text_projection(z["text"]), dim=-1), z["told"]
    return {
        "changed": contrast(audio, other, model.logit_scale_a, torch.ones_like(told[:, 0])),
        "caption": contrast(audio, text[:, 0], model.logit_scale_t, told[:, 0]),
        "other_caption": contrast(audio, text[:, 1], model.logit_scale_t, told[:, 1]),
    }


def train(folder: Path, steps: int = 10) -> list[float]:
    """Train on clips of the stream; returns the loss of every step."""
    stream = open_demo_stream(folder)
    torch.manual_seed(0)
    model = build(stream.tokenizer.vocabulary)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    harmonizer = Harmonizer(towers=[("audio", "other")])
    curve: list[float] = []
    for batch in stream:
        told = {"caption": batch.text_mask[:, 0], "other_caption": batch.text_mask[:, 1]}
        loss, report = harmonizer(represent(model, batch), lambda z: losses(model, z), valid=told)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
        print(f"loss {loss.item():.3f}, clips in conflict: {report.conflicts:.0%}")
        if len(curve) == steps:
            break
    return curve


if __name__ == "__main__":
    train(Path(sys.argv[1]))
