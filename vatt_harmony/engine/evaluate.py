"""Retrieval on held-out shards while a run goes on."""

from collections.abc import Mapping

from vatt_harmony.downstream.embeddings import embed_source
from vatt_harmony.downstream.retrieval import retrieve
from vatt_harmony.engine.config import RunConfig
from vatt_harmony.engine.launch import Process
from vatt_harmony.engine.report import LEARNING
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.stream.evaluation import evaluation_batches
from vatt_harmony.stream.source import open_one
from vatt_harmony.stream.tokenizer import Tokenizer


class Evaluation:
    """Knows when held-out clips are due and what is measured on them."""

    def __init__(self, config: RunConfig, tokenizer: Tokenizer, process: Process) -> None:
        """Raises UserError where there is not one held-out sample: now, not hours later."""
        self.config, self.tokenizer, self.process = config, tokenizer, process
        if config.eval.shards:
            open_one("evaluation", config.eval.shards)

    def due(self, step: int) -> bool:
        """After every `eval.every` steps and after the last one, if there are held-out shards."""
        return bool(self.config.eval.shards) and (
            step % self.config.eval.every == 0 or step == self.config.engine.steps
        )

    def scalars(self, model: Vatt) -> Mapping[str, Mapping[str, float]]:
        """Recalls and median ranks of every direction the losses train. All ranks must call it."""
        batches = evaluation_batches(
            self.config.eval.shards,
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
