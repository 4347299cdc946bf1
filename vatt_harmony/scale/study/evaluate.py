"""What a trained model can do: retrieval on the test clips, and a linear probe on its frozen video features."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vatt_harmony.downstream.retrieval import retrieval_ranks
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.scale.study.clips import Corpus
from vatt_harmony.scale.study.data import Columns, Held

PROBED = ("colour", "form", "motion", "size")
PROBE_CLIPS = 1024
"""Training clips that the probe is fitted on."""
RIDGE = 10.0
CHUNK = 128


@torch.no_grad()
def evaluate(model: Vatt, corpus: Corpus, device: torch.device) -> dict[str, float]:
    """R@1 of each direction, mean reciprocal rank, accuracy of the probes; a clip's sentences are averaged.

    Test clips are clean. The probe is fitted on clean training clips.
    """
    model.eval()
    test = _clean(corpus, "test", corpus.shape.test)
    fitted = min(PROBE_CLIPS, corpus.shape.train)
    train = _clean(corpus, "train", fitted)
    pairs, features = _embed(model, test, device)
    found = {}
    for pair, (anchor, partner) in pairs.items():
        first, second = pair.split("_")
        forth, back = retrieval_ranks(anchor, partner), retrieval_ranks(partner, anchor)
        found[f"{first}_to_{second}"] = float((forth == 1).double().mean())
        found[f"{second}_to_{first}"] = float((back == 1).double().mean())
        found[f"{second}_to_{first}_mrr"] = float((1 / back.double()).mean())
    seen, shown = corpus.truth("train")[:fitted], corpus.truth("test")
    predict = _ridge(_embed(model, train, device)[1], features)
    for column, name in enumerate(PROBED):
        answer = predict(torch.from_numpy(seen[:, column]))
        found[f"probe_{name}"] = float((answer == torch.from_numpy(shown[:, column])).double().mean())
    found["probe"] = sum(found[f"probe_{name}"] for name in PROBED) / len(PROBED)
    model.train()
    return found


@lru_cache(maxsize=2)
def _clean(corpus: Corpus, split: str, count: int) -> Columns:
    """The first `count` clips without faults; drawn once for all runs on a corpus."""
    return Held.draw(corpus, split, np.full(count, "", dtype="<U16")).columns


def _embed(model: Vatt, columns: Columns, device: torch.device) -> tuple[dict[str, tuple[Tensor, Tensor]], Tensor]:
    """Pair -> unit vectors of both sides `[N, D]`, and the video features `[N, P]`."""
    parts = []
    for start in range(0, len(columns[0]), CHUNK):
        video, audio, text = (column[start : start + CHUNK] for column in columns)
        z = model(video=video.to(device), audio=audio.to(device), text=text.flatten(0, 1).to(device))
        z = {"video": z["video"], "audio": z["audio"], "text": z["text"].unflatten(0, text.shape[:2])}
        valid = {branch: torch.ones(rows.shape[:-1], dtype=torch.bool, device=device) for branch, rows in z.items()}
        sides = model.head_stage(z, valid, update_statistics=False)
        flat = {
            f"{pair}/{side}": (rows.mean(dim=1) if rows.dim() == 3 else rows).cpu()
            for pair, both in sides.items()
            for side, rows in enumerate(both)
        }
        parts.append(flat | {"features": model.head_stage.features({"video": z["video"]})["video"].cpu()})
    joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    pairs = [name.removesuffix("/0") for name in joined if name.endswith("/0")]
    unit = {pair: (F.normalize(joined[f"{pair}/0"]), F.normalize(joined[f"{pair}/1"])) for pair in pairs}
    return unit, joined["features"]


def _ridge(seen: Tensor, asked: Tensor) -> Callable[[Tensor], Tensor]:
    """Least squares on one-hot answers with a ridge, on standardised features."""
    mean, scale = seen.double().mean(dim=0), seen.double().std(dim=0) + 1e-6

    def standard(x: Tensor) -> Tensor:
        return F.pad((x.double() - mean) / scale, (0, 1), value=1.0)

    x = standard(seen)
    inverse = torch.linalg.solve(x.T @ x + RIDGE * torch.eye(x.shape[1], dtype=x.dtype), x.T)
    return lambda labels: (standard(asked) @ (inverse @ F.one_hot(labels).double())).argmax(dim=1)
