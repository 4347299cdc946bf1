"""Row 01.9: parameter counts, token counts, loss floors and mask identities that follow from VATT's definition."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from vatt_harmony.figures import Figure
from vatt_harmony.model.config import ModelConfig, TowerConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.objective.contrastive import contrast, similarities
from vatt_harmony.objective.objective import PairLosses, pair_losses
from vatt_harmony.scale.bench.suite import Options, Row, measures

MODES: tuple[Literal["asymmetric", "symmetric", "paper"], ...] = ("asymmetric", "symmetric", "paper")
Identity = tuple[str, float, float]
"""What, its value, what it must be."""


def parameter_counts() -> Iterator[Identity]:
    """Trainable parameters at full size with a frozen word table, built on the meta device."""
    towers = {"base": 193_877_292, "medium": 260_905_772, "large": 412_060_460}
    videos = {"small": 20_508_672, "base": 87_446_016, "medium": 154_343_424, "large": 305_498_112}
    for size, wanted in videos.items():
        model = _meta(kind="specific", video_tower=TowerConfig(size=size))  # type: ignore[arg-type]
        yield f"video tower {size}", _tower(model, "video"), wanted
        if size in towers:
            yield f"specific, {size} video", _count(model), towers[size]
    for size, wanted in {"base": 86_078_976, "medium": 152_520_704}.items():
        model = _meta(kind="specific", audio_tower=TowerConfig(size=size))  # type: ignore[arg-type]
        yield f"waveform tower {size}", _tower(model, "audio"), wanted
    yield "spectrogram tower base", _tower(_meta(kind="specific", sound="spectrogram"), "audio"), 85_056_768
    yield "T5 tower", _tower(_meta(kind="specific"), "text"), 19_038_252
    for size, wanted in {"base": 92_258_304, "medium": 161_283_072, "large": 312_437_760}.items():
        model = _meta(trunk=TowerConfig(size=size))  # type: ignore[arg-type]
        yield f"shared {size} without heads", _count(model) - _count(model.head_stage.heads), wanted
    medium = _meta()
    yield "shared medium", _count(medium), 162_990_336
    yield "its encoder", _count(medium.encoders["shared"], medium.head_stage.norms["shared"]), 151_156_736
    for branch, wanted in {"video": 5_285_888, "audio": 3_463_168, "text": 1_377_280}.items():
        yield f"its {branch} part", _count(medium.tokens[branch], medium.head_stage.post[branch]), wanted
    yield "paper heads", _count(_meta(heads="paper").head_stage.heads), 1_708_032


def token_counts() -> Iterator[Identity]:
    """Length of what enters the encoder, AGG token included, in training (half dropped) and in evaluation."""
    shapes = {(32, 224): 1568, (32, 320): 3200, (4, 384): 576}
    model = _meta(trunk=TowerConfig(depth=1))
    for (frames, size), tokens in shapes.items():
        video = torch.empty(2, frames, size, size, 3, dtype=torch.uint8, device="meta")
        yield from _lengths(f"video {frames} x {size}", model.tokens["video"], video, tokens)
    for sound, tokens in {"waveform": 1200, "spectrogram": 144}.items():
        tokenizer = _meta(trunk=TowerConfig(depth=1), sound=sound).tokens["audio"]
        yield from _lengths(sound, tokenizer, torch.empty(2, 153600, device="meta"), tokens)
    text = torch.empty(2, 16, dtype=torch.int64, device="meta")
    yield "text", model.tokens["text"](text, None)[0].shape[1], 17


def loss_floors(size: int = 6) -> Iterator[Identity]:
    """Perfect embeddings, equal embeddings, an orthonormal pair, identical candidates."""
    eye, ones = torch.eye(size, dtype=torch.float64), torch.ones(size, size, dtype=torch.float64)
    equal = {"asymmetric": math.log(2 * size), "symmetric": 2 * math.log(size), "paper": math.log(2 * size - 1)}
    fixture = {"asymmetric": 1.006409, "symmetric": 0.626523, "paper": 0.551445}
    for mode in MODES:
        yield f"perfect, {mode}", _loss(eye, eye[:, None], 0.01, mode), math.log(2) if mode == "asymmetric" else 0.0
        yield f"all equal, {mode}", _loss(ones, ones[:, None].expand(-1, 3, -1), 0.07, mode), equal[mode]
        pair = eye[:2]
        yield f"two orthonormal pairs, {mode}", round(_loss(pair, pair[:, None], 1.0, mode), 6), fixture[mode]
        noise = torch.randn(size, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        other = noise.roll(1, dims=1)[:, None]
        repeated = _loss(noise, other.expand(-1, 5, -1), 0.1, mode)
        yield f"five equal candidates, {mode}", repeated, _loss(noise, other, 0.1, mode)


def mask_identities() -> Iterator[Identity]:
    """Samples without text, padded candidates, a batch without text: how far from no effect at all."""
    video, text, valid = _masked_batch()
    losses, at_video, at_text = _video_text(video, text, valid)
    noisy = text.clone()
    noisy[2] = torch.randn_like(noisy[2])
    other, at_video_other, _ = _video_text(video, noisy, valid)
    yield "loss does not see the text of a sample without text", float(losses.total), float(other.total)
    yield "nor does any gradient", float((at_video - at_video_other).abs().max()), 0.0
    yield "its text gets no gradient", float(at_text[2].abs().max()), 0.0
    yield "its video is a negative and gets one", float(at_video[2].abs().max() > 0), 1.0
    padded = torch.cat([text, torch.randn_like(text[:, :1])], dim=1)
    wider = valid | {"text": torch.cat([valid["text"], torch.zeros(len(text), 1, dtype=torch.bool)], dim=1)}
    yield "padded candidates change nothing", float(_video_text(video, padded, wider)[0].total), float(losses.total)
    nothing = valid | {"text": torch.zeros_like(valid["text"])}
    empty, at_video, at_text = _video_text(video, text, nothing)
    yield "batch without text, loss", float(empty.total), 0.0
    yield "batch without text, gradients", float(at_video.abs().max() + at_text.abs().max()), 0.0


def failed(identities: Iterator[Identity]) -> tuple[list[str], int]:
    """Those that do not hold to 1e-10 relative, and how many there are."""
    every = list(identities)
    return [
        f"{name}: {value} instead of {wanted}"
        for name, value, wanted in every
        if not math.isclose(value, wanted, rel_tol=1e-10, abs_tol=1e-10)
    ], len(every)


def _meta(**changes: Any) -> Vatt:
    with torch.device("meta"):
        return Vatt(ModelConfig(**{"text_table": "frozen", "vocabulary": 65536, **changes}))


def _count(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters() if p.requires_grad)


def _tower(model: Vatt, branch: str) -> int:
    return _count(model.tokens[branch], model.encoders[branch], model.head_stage.norms[branch])


def _lengths(name: str, tokenizer: nn.Module, media: Tensor, tokens: int) -> Iterator[Identity]:
    seed = torch.empty(2, dtype=torch.int64, device="meta")
    yield f"{name}, training", tokenizer.train()(media, seed)[0].shape[1], 1 + tokens // 2
    yield f"{name}, evaluation", tokenizer.eval()(media, None)[0].shape[1], 1 + tokens


def _loss(anchors: Tensor, others: Tensor, temperature: float, mode: str) -> float:
    valid = torch.ones(len(anchors), dtype=torch.bool)
    candidates = torch.ones(others.shape[:2], dtype=torch.bool)
    similarity = similarities(anchors, others, temperature)
    return float(contrast(similarity, valid, candidates, valid, mode).losses.mean())


def _masked_batch() -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    g = torch.Generator().manual_seed(0)
    video, text = (torch.randn(*shape, generator=g, dtype=torch.float64) for shape in ((6, 8), (6, 3, 8)))
    present = torch.ones(6, 3, dtype=torch.bool)
    present[2], present[4, 1:] = False, False
    here = torch.ones(6, dtype=torch.bool)
    return video, text, {"video": here, "audio": here, "text": present}


def _video_text(video: Tensor, text: Tensor, valid: dict[str, Tensor]) -> tuple[PairLosses, Tensor, Tensor]:
    video, text = (x.detach().requires_grad_() for x in (video, text))
    losses = pair_losses({"video_text": (video, text)}, valid, ObjectiveConfig(), only=("video_text",))
    at_video, at_text = torch.autograd.grad(losses.total, (video, text))
    return losses.detach(), at_video, at_text


GROUPS = {
    "parameter counts": parameter_counts,
    "token counts": token_counts,
    "loss floors": loss_floors,
    "mask identities": mask_identities,
}
MEASURES = measures("01.9", *[(f"{name} that do not hold", "== 0", "") for name in GROUPS])


def run(options: Options) -> list[Figure]:
    """All groups; what does not hold is printed."""
    figures = []
    for figure, group in zip(MEASURES, GROUPS.values(), strict=True):
        wrong, checked = failed(group())
        print(*wrong, sep="\n", end="\n" if wrong else "")
        figures.append(replace(figure, value=len(wrong), n=checked))
    return figures


ROW = Row(id="01.9", title="identities of VATT's definition", takes="half a minute", measures=MEASURES, run=run)
