"""An open_clip model trained on frames and captions of our stream; argument: a folder for the clips."""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from demo_stream import open_demo_stream
from open_clip import CLIP, ClipLoss
from open_clip.model import CLIPTextCfg, CLIPVisionCfg
from torch import Tensor

from vatt_harmony.harmony import Harmonizer
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


def represent(model: CLIP, batch: Batch) -> dict[str, Tensor]:
    """The towers' outputs."""
    first, last = (model.encode_image(frame) for frame in frames(model, batch))
    return {"first": first, "last": last, "text": model.encode_text(batch.text[:, 0])}


def losses(model: CLIP, z: dict[str, Tensor]) -> dict[str, Tensor]:
    """The losses over all clips."""
    first, last, text = (F.normalize(z[name], dim=-1) for name in ("first", "last", "text"))
    scale, contrast = model.logit_scale.exp(), ClipLoss()
    return {"caption": contrast(first, text, scale), "frames": contrast(first, last, scale)}


def train(folder: Path, steps: int = 10) -> list[float]:
    """Train on clips of the stream; returns the loss of every step."""
    stream = open_demo_stream(folder)
    torch.manual_seed(0)
    model = build(stream.tokenizer.vocabulary)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    harmonizer = Harmonizer(towers=[("first", "last")])
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
