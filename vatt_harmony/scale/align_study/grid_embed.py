"""What a trained encoder makes of GRID clips: every window and every sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vatt_harmony.model.vatt import Vatt
from vatt_harmony.scale.align_study.grid_corpus import FPS, FRAMES, RATE, Corpus
from vatt_harmony.scale.align_study.grid_encoder import SAMPLES, WINDOW, coloured, token_ids


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """A corpus as an encoder sees it: windows from every frame on, W = FRAMES - WINDOW + 1, and sentences."""

    video: Tensor
    """In the joint space, not normalised, `[C, W, J]`."""
    audio: Tensor
    """`[C, W, J]`."""
    video_tower: Tensor
    """Before the head `[C, W, D]`."""
    audio_tower: Tensor
    text: Tensor
    """`[C, J]`."""
    text_tower: Tensor
    """`[C, D]`."""


@torch.no_grad()
def embed(model: Vatt, corpus: Corpus, clips: Sequence[int]) -> Embedded:
    """Every window and the sentence of `clips`, in their order."""
    rows: dict[str, list[Tensor]] = {name: [] for name in ("video", "audio", "video_tower", "audio_tower")}
    for clip in clips:
        z = model(video=_pictures(corpus.motion[clip]), audio=_sounds(corpus.sound[clip]))
        z = {branch: z[branch] for branch in ("video", "audio")}
        spaces, towers = model.head_stage.embed(z), model.head_stage.features(z)
        rows["video"].append(spaces["video_text"]["video"])
        rows["audio"].append(spaces["audio_text"]["audio"])
        rows["video_tower"].append(towers["video"])
        rows["audio_tower"].append(towers["audio"])
    ids = torch.stack([token_ids(corpus.sentences[clip].split(), corpus.vocabulary) for clip in clips])
    z = {"text": model(text=ids)["text"]}
    return Embedded(
        **{name: torch.stack(values) for name, values in rows.items()},
        text=model.head_stage.embed(z)["audio_text"]["text"],
        text_tower=model.head_stage.features(z)["text"],
    )


def _pictures(motion: Tensor) -> Tensor:
    """All windows of a clip `[W, WINDOW, H, W, 3]`."""
    return coloured(motion.unfold(0, WINDOW, 1).movedim(-1, 1))


def _sounds(sound: Tensor) -> Tensor:
    """The sound of all windows `[W, SAMPLES]`."""
    return sound.unfold(0, SAMPLES, RATE // FPS)[: FRAMES - WINDOW + 1]
