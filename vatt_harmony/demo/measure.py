"""Retrieval of a trained run on the held-out clips, kept so that a second start need not measure again."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from vatt_harmony.downstream.embeddings import embed_source
from vatt_harmony.downstream.retrieval import Embeddings, Retrieval, retrieve
from vatt_harmony.engine.parts import load_trained
from vatt_harmony.stream.evaluation import evaluation_batches
from vatt_harmony.stream.tokenizer import load_tokenizer

CAPTIONS = 5
"""Sentences of a clip whose embeddings are averaged to one query."""
SHUFFLE_SEED = 0
TOP = 5


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one run retrieves, by held-out clip."""

    keys: tuple[str, ...]
    ranks: dict[str, list[int]]
    """Direction -> rank of the true partner for each key as the query; "shuffled": text to video whose frames are
    in random order."""
    top: dict[str, list[str]]
    """Query -> its best answers by text to video, best first."""

    def retrieval(self, direction: str) -> Retrieval:
        """The ranks of a direction, for recalls and intervals."""
        return Retrieval(direction=direction, keys=self.keys, ranks=torch.tensor(self.ranks[direction]))


def measure(run: Path, shards: Path, device: torch.device) -> Measured:
    """Text to video (also with frames shuffled) and video to audio of the run in folder `run`, in one process.

    The result is kept in `RUN.retrieval.json`. Raises UserError for a run without a checkpoint.
    """
    path = run.with_suffix(".retrieval.json")
    if path.is_file():
        known = json.loads(path.read_text())
        return Measured(keys=tuple(known["keys"]), ranks=known["ranks"], top=known["top"])
    trained = load_trained(run)
    config = replace(trained.config.stream, candidates=CAPTIONS)
    tokenizer = load_tokenizer(trained.tokenizer, config.words)
    pairs = trained.config.objective.weights.active()
    model = trained.model.to(device)

    def embed(shuffle: int | None) -> Embeddings:
        return embed_source(model, evaluation_batches(str(shards), config, tokenizer), device, shuffle)

    embeddings, shuffled = embed(None), retrieve(embed(SHUFFLE_SEED), pairs)["text_to_video"]
    results = retrieve(embeddings, pairs)
    found = {name: result for name, result in results.items() if result is not None}
    if shuffled is not None:
        found["shuffled"] = shuffled
    ranks = {name: result.ranks.tolist() for name, result in found.items()}
    measured = Measured(keys=embeddings.keys, ranks=ranks, top=_top(embeddings))
    path.write_text(json.dumps(asdict(measured)))
    return measured


def _top(embeddings: Embeddings) -> dict[str, list[str]]:
    video, text = embeddings.pairs["video_text"]
    best = (text @ video.T).topk(min(TOP, len(video)), dim=1).indices.tolist()
    return {
        key: [embeddings.keys[place] for place in places] for key, places in zip(embeddings.keys, best, strict=True)
    }
