"""Retrieval on held-out shards while a run goes on."""

from collections.abc import Mapping

from vatt_harmony.downstream.embeddings import embed_source
from vatt_harmony.downstream.retrieval import retrieve
from vatt_harmony.engine.config import RunConfig
from vatt_harmony.engine.launch import Process
from vatt_harmony.engine.report import LEARNING
from vatt_harmony.errors import UserError
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.stream.evaluation import evaluation_batches
from vatt_harmony.stream.source import Source, open_one
from vatt_harmony.stream.tokenizer import Tokenizer
from vatt_harmony.stream.turns import in_turns


class Evaluation:
    """Knows when held-out clips are due and what is measured on them."""

    def __init__(self, config: RunConfig, tokenizer: Tokenizer, process: Process) -> None:
        """Raises UserError where there is not one held-out sample: now, not hours later. All ranks must call it."""
        self.config, self.tokenizer, self.process = config, tokenizer, process
        shards = config.eval.shards
        self.source = in_turns(lambda: _opened(shards)) if shards else None

    def due(self, step: int) -> bool:
        """After every `eval.every` steps and after the last one, if there are held-out shards."""
        return self.source is not None and (step % self.config.eval.every == 0 or step == self.config.engine.steps)

    def scalars(self, model: Vatt) -> Mapping[str, Mapping[str, float]]:
        """Recalls and median ranks of every direction the losses train. All ranks must call it."""
        if self.source is None:
            return {}
        batches = evaluation_batches(
            self.source,
            self.config.stream,
            self.tokenizer,
            windows=self.config.eval.windows,
            rank=self.process.rank,
            world_size=self.process.world_size,
        )
        trained = self.config.objective.weights.active()
        embeddings = embed_source(model, batches, self.process.device, windows=self.config.eval.windows)
        results = retrieve(embeddings, trained)
        figures: dict[str, float] = {}
        for direction, result in results.items():
            if result is not None:
                figures |= {f"held_out/R@{k}/{direction}": result.recall(k) for k in (1, 5, 10)}
                figures[f"held_out/median_rank/{direction}"] = result.median_rank
        return {LEARNING: figures}


def _opened(shards: str) -> Source:
    try:
        return open_one("evaluation", shards)
    except UserError as error:
        fix = "Give it held-out shards (`shards build --hold-out 0.05` makes some), or an empty string for none"
        raise UserError(f"eval.shards: {error.what}", "The run could not be evaluated", fix) from error
