"""How training proceeds inside the network: how far each part moves, what the stacks put out, the gap to validation.

These are the quantities from which Wang et al., WACV 2021, argue: parts that serve different streams overfit and
generalise at different speeds.
"""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from vatt_harmony.align.batch import Batch, collate
from vatt_harmony.align.data.pieces import Piece
from vatt_harmony.align.encoded import Encoded
from vatt_harmony.align.losses import action_loss
from vatt_harmony.align.network import NeuMatch


def parts(model: NeuMatch, names: Sequence[str]) -> dict[str, list[nn.Parameter]]:
    """The trained parameters of each part of an aligner of streams with these names."""
    modules: dict[str, nn.Module] = {}
    for kind, every in (("encoder", model.encoders), ("stack", model.stacks), ("norm", model.norms)):
        modules |= {f"{kind} of {name}": module for name, module in zip(names, every, strict=False)}
    if model.history is not None:
        modules |= {"stack of actions": model.history.actions, "stack of pairs": model.history.pairs}
    modules["head"] = model.head
    return {name: list(module.parameters()) for name, module in modules.items()}


class Movement:
    """Mean over updates of the norm of each part's change relative to its norm before.

    An update of a part that is still all zero, such as new shifts, has no such ratio and counts as 0.
    """

    def __init__(self, parts: dict[str, list[nn.Parameter]]) -> None:
        self._parts = parts
        self._before: dict[str, Tensor] = {}
        self._ratios: dict[str, list[Tensor]] = {name: [] for name in parts}

    @torch.no_grad()
    def before_update(self) -> None:
        """Take note of where the parameters stand."""
        self._before = {name: _flat(part) for name, part in self._parts.items()}

    @torch.no_grad()
    def after_update(self) -> None:
        """Take note of how far they have moved."""
        for name, before in self._before.items():
            change, norm = (_flat(self._parts[name]) - before).norm(), before.norm()
            self._ratios[name].append(torch.where(norm > 0, change / norm, 0.0))

    def means(self) -> dict[str, float]:
        """Mean of each part since the last call."""
        means = {name: float(torch.stack(ratios).mean()) for name, ratios in self._ratios.items() if ratios}
        self._ratios = {name: [] for name in self._parts}
        return means


@torch.no_grad()
def inside(model: NeuMatch, pieces: Sequence[Piece], batch: int, smoothing: float) -> tuple[float, list[Tensor]]:
    """Mean loss of a step, in evaluation mode, and what each stack of items puts out, `[steps, width]`."""
    model.eval()
    total, steps = 0.0, 0
    outputs: list[list[Tensor]] = [[] for _ in model.stacks]
    for lesson in _batches(pieces, batch, next(model.parameters()).device):
        encoded = model.encode(lesson.features, lesson.lengths, lesson.joint)
        logits = model.teacher_forced(encoded, lesson.actions)
        total += float(action_loss(logits, lesson.targets, lesson.steps, smoothing))
        steps += int(lesson.steps.sum())
        for every, tops in zip(outputs, _real_tops(encoded), strict=False):
            every.append(tops)
    return total / steps, [torch.cat(every) for every in outputs]


def channel_statistics(outputs: Tensor) -> tuple[float, float]:
    """Of outputs `[steps, width]` the root mean square of the channels' means, and the mean of their deviations."""
    return float(outputs.mean(0).square().mean().sqrt()), float(outputs.std(0).mean())


class Analysis:
    """The figures of one training, epoch by epoch."""

    def __init__(
        self, model: NeuMatch, names: Sequence[str], pieces: dict[str, list[Piece]], batch: int, smoothing: float
    ) -> None:
        """`names`: of the streams; `pieces`: of `train`, and of `validation` where there are any."""
        self._model, self._names, self._pieces = model, names, {name: own for name, own in pieces.items() if own}
        self._batch, self._smoothing = batch, smoothing
        self.movement = Movement(parts(model, names))

    def end_epoch(self) -> dict[str, float]:
        """Figures of the epoch that has just ended."""
        figures = {f"movement/{name}": value for name, value in self.movement.means().items()}
        losses = {}
        for split, pieces in self._pieces.items():
            losses[split], outputs = inside(self._model, pieces, self._batch, self._smoothing)
            for name, output in zip(self._names, outputs, strict=False):
                mean, deviation = channel_statistics(output)
                figures |= {f"stack mean/{name} {split}": mean, f"stack deviation/{name} {split}": deviation}
        figures |= {f"loss/{split}": loss for split, loss in losses.items()}
        if len(losses) == 2:
            figures["gap/loss"] = losses["validation"] - losses["train"]
        return figures


def _batches(pieces: Sequence[Piece], batch: int, device: torch.device) -> Iterator[Batch]:
    for start in range(0, len(pieces), batch):
        yield collate(pieces[start : start + batch]).to(device)


def _real_tops(encoded: Encoded) -> Iterator[Tensor]:
    for stream, tops in enumerate(encoded.tops):
        lengths = encoded.lengths[:, stream].unsqueeze(1)
        yield tops[torch.arange(tops.shape[1], device=tops.device) < lengths]


def _flat(parameters: Iterable[nn.Parameter]) -> Tensor:
    return torch.cat([parameter.flatten() for parameter in parameters])
