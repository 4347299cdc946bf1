"""PE-AV of transformers, made from a config, trained on batches of our stream; argument: a folder for the clips."""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from demo_stream import open_demo_stream
from torch import Tensor
from transformers import PeAudioVideoConfig, PeAudioVideoModel

from vatt_harmony.harmony import Harmonizer
from vatt_harmony.stream.batch import Batch

SIZE = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 16}
DAC = {"encoder_hidden_size": 8, "downsampling_ratios": [4, 8, 8], "codebook_dim": 16}
VIT = {"img_size": 32, "depth": 1, "embed_dim": 32, "num_heads": 2}


def build(vocabulary: int) -> PeAudioVideoModel:
    """A small model with random weights; `PeAudioVideoModel.from_pretrained(...)` gives the released one."""
    text = {"vocab_size": vocabulary, "pad_token_id": 0, "num_hidden_layers": 2, "num_attention_heads": 3}
    text |= {"model_type": "modernbert", "hidden_size": 48, "intermediate_size": 64}
    vision = {"architecture": "vit_tiny_patch16_224", "num_classes": 32, "do_pooling": True, "model_args": VIT}
    audio_config = {"model_type": "pe_audio_encoder", "dac_config": DAC, **SIZE}
    video_config = {"model_type": "pe_video_encoder", "vision_config": vision, **SIZE}
    both = {"audio_config": audio_config, "video_config": video_config, **SIZE}
    model = PeAudioVideoModel(PeAudioVideoConfig(text_config=text, audio_video_config=both))
    for name, parameter in model.named_parameters():
        if name.endswith("logit_scale"):  # 0 in a new model: no gradient would reach the towers
            torch.nn.init.constant_(parameter, 0.1)
    return model


def inputs(model: PeAudioVideoModel, batch: Batch) -> dict[str, Tensor]:
    """A batch of the stream as the model takes it."""
    ids = batch.text[:, 0]
    return {
        "pixel_values_videos": (batch.video / 127.5 - 1).permute(0, 1, 4, 2, 3).to(model.dtype),
        "input_values": batch.audio[:, None].to(model.dtype),
        "input_ids": ids,
        "attention_mask": (ids != 0).long(),
    }


def sigmoid_loss(logits: Tensor) -> Tensor:
    """SigLIP's loss: own partners up, all others down."""
    signs = 2 * torch.eye(len(logits), dtype=logits.dtype, device=logits.device) - 1
    return -F.logsigmoid(signs * logits).sum() / len(logits)


def represent(model: PeAudioVideoModel, batch: Batch) -> dict[str, Tensor]:
    """The towers' outputs."""
    outputs = model(**inputs(model, batch))
    text = outputs.text_outputs.hidden_states[-1][:, 0]
    return {"audio": outputs.audio_outputs.pooler_output, "video": outputs.video_outputs.pooler_output, "text": text}


def losses(model: PeAudioVideoModel, z: dict[str, Tensor]) -> dict[str, Tensor]:
    """The model's heads and the losses over all clips."""
    audio, video = model.audio_model, model.video_model
    a, v = audio.audio_head(z["audio"]), video.video_head(z["video"])
    ta, tv = audio.text_audio_head(z["text"]), video.text_video_head(z["text"])
    return {
        "audio_video": sigmoid_loss(a @ v.T * model.audio_video_logit_scale + model.audio_video_logit_bias),
        "video_text": sigmoid_loss(v @ tv.T * video.text_video_logit_scale + video.text_video_logit_bias),
        "audio_text": sigmoid_loss(a @ ta.T * audio.text_audio_logit_scale + audio.text_audio_logit_bias),
    }


def train(folder: Path, steps: int = 10) -> list[float]:
    """Train on clips of the stream; returns the loss of every step."""
    stream = open_demo_stream(folder)
    torch.manual_seed(0)
    model = build(stream.tokenizer.vocabulary)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    harmonizer = Harmonizer()
    curve: list[float] = []
    for batch in stream:
        loss, report = harmonizer(represent(model, batch), lambda z: losses(model, z))
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
