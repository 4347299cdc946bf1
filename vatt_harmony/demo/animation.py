"""The moving picture of the README: a clip, its sound and caption, and its two gradients before and after realignment.

python -m vatt_harmony.demo.animation RUN SHARDS OUT.gif
"""

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from vatt_harmony.engine.encode import encode
from vatt_harmony.engine.parts import load_trained
from vatt_harmony.engine.surrogate import differentiate, gather
from vatt_harmony.harmony.rules import RULES
from vatt_harmony.harmony.signals import SIGNALS
from vatt_harmony.stream.evaluation import evaluation_batches
from vatt_harmony.stream.tokenizer import load_tokenizer

BLUE, ORANGE, DARK = "#3366cc", "#e07b00", "#333333"
MORPH = 12
"""Pictures of the way from the original to the realigned gradients."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One clip and what its two losses ask of the trunk."""

    frames: NDArray[np.uint8]
    """`[T, H, W, 3]`."""
    sound: NDArray[np.float32]
    """`[S]`."""
    caption: str
    gram: NDArray[np.float64]
    """Inner products of the two gradients `[2, 2]`: video-audio, video-text."""
    weights: NDArray[np.float64]
    """What the rule gives the two losses `[2]`."""

    @property
    def cosine(self) -> float:
        """Agreement of the two gradients."""
        return float(self.gram[0, 1] / np.sqrt(self.gram[0, 0] * self.gram[1, 1]))


def most_conflicting(run: Path, shards: Path, rows: int = 64) -> Scene:
    """The clip of lowest cosine among the first `rows` of `shards`, under the run's trained model."""
    trained = load_trained(run)
    tokenizer = load_tokenizer(trained.tokenizer, trained.config.stream.words)
    batch = next(iter(evaluation_batches(str(shards), trained.config.stream, tokenizer, rows=rows)))
    model, config = trained.model, trained.config.harmony
    gathered = gather(encode(model, batch, torch.device("cpu")), model.shared_branches, 0, 1)
    u = differentiate(gathered, model.head_stage, trained.config.objective, heads=False).u
    u = {pair: u[pair] for pair in ("video_audio", "video_text")}
    gram = SIGNALS["last_linear"](u, gathered.kernel, model.shared_branches)
    weights = RULES["pcgrad"](gram, torch.ones(gram.shape[:2], dtype=torch.bool)).clamp(max=config.w_max)
    norm = gram.diagonal(dim1=1, dim2=2).sqrt()
    row = int((gram[:, 0, 1] / (norm[:, 0] * norm[:, 1])).argmin())
    return Scene(
        frames=batch.video[row].numpy(),
        sound=batch.audio[row].numpy(),
        caption=tokenizer.backend.decode([i for i in batch.text[row, 0].tolist() if i]),
        gram=gram[row].double().numpy(),
        weights=weights[row].double().numpy(),
    )


def plane(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two vectors of the plane `[2, 2]` with these inner products, the first to the right; rows are vectors."""
    a = np.sqrt(gram[0, 0])
    along = gram[0, 1] / a
    return np.array([[a, 0.0], [along, np.sqrt(max(gram[1, 1] - along**2, 0.0))]])


def realigned(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """The two vectors after each was projected off the other where they conflict; rows are vectors."""
    g = plane(gram)
    d = min(gram[0, 1], 0.0)
    return np.stack([g[0] - d / gram[1, 1] * g[1], g[1] - d / gram[0, 0] * g[0]])


def draw(scene: Scene, out: Path, milliseconds: int = 120) -> None:
    """Write the animation as a GIF that repeats for ever."""
    matplotlib.use("Agg")
    images = [
        Image.open(io.BytesIO(png)).convert("P", palette=Image.Palette.ADAPTIVE, colors=48) for png in _pictures(scene)
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    images[0].save(out, save_all=True, append_images=images[1:], duration=milliseconds, loop=0, optimize=True)


def _pictures(scene: Scene) -> Iterator[bytes]:
    before, after = plane(scene.gram), realigned(scene.gram)
    ends = np.vstack([[0.0, 0.0], before, after, before.sum(axis=0), after.sum(axis=0)])
    view = np.stack([ends.min(axis=0), ends.max(axis=0)])  # one view for all pictures: nothing jumps
    count = len(scene.frames)
    steps = np.concatenate([np.zeros(count), np.linspace(0, 1, MORPH), np.ones(count)])
    for number, share in enumerate(steps):
        share = share * share * (3 - 2 * share)
        yield _picture(scene, number % count, (1 - share) * before + share * after, view, float(share))


def _picture(scene: Scene, frame: int, vectors: NDArray[np.float64], view: NDArray[np.float64], share: float) -> bytes:
    figure = Figure(figsize=(8.4, 3.4), dpi=80)
    picture = figure.add_axes((0.02, 0.34, 0.26, 0.60))
    picture.imshow(scene.frames[frame], interpolation="nearest")
    picture.axis("off")
    wave = figure.add_axes((0.02, 0.14, 0.26, 0.18))
    wave.plot(scene.sound[:: max(1, len(scene.sound) // 800)], color=BLUE, linewidth=0.5)
    wave.axvline(800 * frame / len(scene.frames), color=DARK, linewidth=1)
    wave.axis("off")
    figure.text(0.02, 0.04, f"“{scene.caption}”", fontsize=9, color=ORANGE, wrap=True)
    _arrows(figure.add_axes((0.36, 0.04, 0.62, 0.84)), vectors, view)
    state = "as the losses ask" if share == 0 else "realigned" if share == 1 else "each projected off the other"
    figure.text(0.36, 0.92, f"gradients of one clip, {state}; cosine {_cosine(vectors):+.2f}", fontsize=11, color=DARK)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _arrows(axes: Axes, vectors: NDArray[np.float64], view: NDArray[np.float64]) -> None:
    for vector, colour, name in (
        (vectors[0], BLUE, "video-audio"),
        (vectors[1], ORANGE, "video-text"),
        (vectors.sum(axis=0), DARK, "update"),
    ):
        style = {"arrowstyle": "-|>", "color": colour, "lw": 3 if colour != DARK else 1.5, "mutation_scale": 16}
        axes.annotate("", xy=_place(vector), xytext=(0, 0), arrowprops=style)
        axes.annotate(name, xy=_place(vector), xytext=(6, 4), textcoords="offset points", color=colour, fontsize=10)
    margin = 0.15 * float((view[1] - view[0]).max())
    axes.set_xlim(float(view[0, 0]) - margin, float(view[1, 0]) + 2.5 * margin)  # names stand to the right
    axes.set_ylim(float(view[0, 1]) - margin, float(view[1, 1]) + margin)
    axes.set_aspect("equal")
    axes.axis("off")


def _place(vector: NDArray[np.float64]) -> tuple[float, float]:
    return float(vector[0]), float(vector[1])


def _cosine(vectors: NDArray[np.float64]) -> float:
    return float(vectors[0] @ vectors[1] / np.prod(np.linalg.norm(vectors, axis=1)))


if __name__ == "__main__":
    run, shards, out = map(Path, sys.argv[1:])
    draw(most_conflicting(run, shards), out)
