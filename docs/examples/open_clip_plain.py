"""An open_clip model trained on frames and captions of our stream; argument: a folder for the clips."""

import sys
from pathlib import Path

import torch
from demo_stream import open_demo_stream
from open_clip import CLIP, ClipLoss
from open_clip.model import CLIPTextCfg, CLIPVisionCfg
from torch import Tensor

from vatt_harmony.stream.batch import Batch


def build(vocabulary: int) -> CLIP:
    """A small model with random weights; `open_clip.create_model(...)` gives a released one."""
    vision = CLIPVisionCfg(layers=2, width=64, head_width=16, patch_size=16, image_size=32)
    text = CLIPTextCfg(context_length=12, vocab_size=vocabulary, width=48, heads=2, layers=2)
    return CLIP(embed_dim=32, vision_cfg=vision, text_cfg=text)


def frames(model: CLIP, batch: Batch) -> tuple[Tensor, Tensor]:
    """The first and the last frame of each clip, `[B, 3, H, W]`."""
    video = (batch.video / 127.5 - 1).permute(1, 0, 4, 2, 3).to(model.logit_scale.dtype)
    return video[0], video[-1]


def train(folder: Path, steps: int = 10) -> list[float]:
    """Train on clips of the stream; returns the loss of every step."""
    stream = open_demo_stream(folder)
    torch.manual_seed(0)
    model, contrast = build(stream.tokenizer.vocabulary), ClipLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    curve: list[float] = []
    for batch in stream:
        first, last = (model.encode_image(frame, normalize=True) for frame in frames(model, batch))
        text = model.encode_text(batch.text[:, 0], normalize=True)
        scale = model.logit_scale.exp()
        loss = contrast(first, text, scale) + contrast(first, last, scale)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
        print(f"loss {loss.item():.3f}")
        if len(curve) == steps:
            break
    return curve


if __name__ == "__main__":
    train(Path(sys.argv[1]))
