"""From a step's result to the report that TensorBoard and the files get."""

import time
from collections import Counter
from collections.abc import Mapping

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.functional import normalize

from vatt_harmony.engine.choose_look import choose_look
from vatt_harmony.engine.report import DATA, Look, StepReport
from vatt_harmony.engine.speed import SpeedMeter, StepTiming
from vatt_harmony.engine.step import StepResult
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.stream.batch import Batch
from vatt_harmony.stream.tokenizer import Tokenizer


class Watch:
    """Times the steps, sums what all ranks saw, and makes the report of a logged step. One on every rank."""

    def __init__(self, meter: SpeedMeter, tokenizer: Tokenizer, global_batch: int) -> None:
        self.meter, self.tokenizer, self.global_batch = meter, tokenizer, global_batch
        self._drops: Counter[str] = Counter()
        self._sources: Counter[str] = Counter()
        self._border = self._arrival = time.monotonic()

    def arrived(self, batch: Batch) -> None:
        """The batch of this step has come out of the stream."""
        self._arrival = time.monotonic()
        self._drops.update(batch.drops)
        self._sources.update(batch.sources)

    def finished(self, result: StepResult) -> None:
        """The step is done."""
        now = time.monotonic()
        self.meter.add(
            StepTiming(
                triplets=self.global_batch,
                seconds=now - self._border,
                waiting=self._arrival - self._border,
                busy=self._arrival - self._border + result.encoding,
            )
        )
        self._border = now

    def report(
        self,
        step: int,
        losses: Mapping[str, Tensor],
        result: StepResult,
        batch: Batch,
        *,
        look: Look | None,
        more: Mapping[str, Mapping[str, float]],
    ) -> StepReport:
        """The report of this step, joined by `more` figures, group -> name -> value. All ranks must call it."""
        rows: list[tuple[Counter[str], Counter[str], list[str]]] = [
            (self._drops, self._sources, batch.sources) for _ in range(dist.get_world_size())
        ]
        dist.all_gather_object(rows, rows[dist.get_rank()])
        drops = sum((row[0] for row in rows), Counter[str]())
        seen = sum((row[1] for row in rows), Counter[str]())
        scalars = {group: _numbers(values) for group, values in result.scalars().items()}
        for figures in (self.meter.scalars(), more):
            for group, values in figures.items():
                scalars.setdefault(group, {}).update(values)
        data = scalars.setdefault(DATA, {})
        data |= {f"drops/{name}": float(count) for name, count in drops.items()}
        data |= {f"mixture/{source}": count / seen.total() for source, count in seen.items()}
        cosines = [] if result.cosines is None else result.cosines.tolist()
        sources = [source for row in rows for source in row[2]] if cosines else []
        return StepReport(
            step=step, losses=_numbers(losses), scalars=scalars, cosines=cosines, sources=sources, look=look
        )

    def look(self, model: Vatt, batch: Batch, result: StepResult) -> Look:
        """Pictures of this rank's rows: what text finds, and where losses disagree. All ranks must call it."""
        gathered = result.embeddings
        with torch.no_grad():
            embeddings = model.head_stage(gathered.z, gathered.valid, update_statistics=False)
        video, text = (normalize(gathered.own(side), dim=-1) for side in embeddings["video_text"])
        first = gathered.own(gathered.valid["text"]).to(torch.int64).argmax(dim=1)
        queries = text[torch.arange(len(text)), first]
        similarity = queries @ video.T
        similarity[~gathered.own(gathered.valid["text"]).any(dim=1)] = -torch.inf
        similarity[:, ~gathered.own(gathered.valid["video"])] = -torch.inf
        ids = batch.text[torch.arange(len(batch)), first.cpu()].tolist()
        captions = [self.tokenizer.backend.decode([i for i in row if i]) for row in ids]
        cosines = [float("nan")] * len(batch) if result.cosines is None else gathered.own(result.cosines).tolist()
        return choose_look(batch.video.numpy(), batch.keys, captions, cosines, similarity.float().cpu().numpy())


def _numbers(values: Mapping[str, Tensor | float]) -> dict[str, float]:
    """Values as numbers, the tensors among them by one transfer from the device."""
    tensors = {name: value for name, value in values.items() if isinstance(value, Tensor)}
    fetched = torch.stack([value.detach().double() for value in tensors.values()]).tolist() if tensors else []
    numbers = dict(zip(tensors, fetched, strict=True))
    return {name: numbers[name] if name in numbers else float(value) for name, value in values.items()}
