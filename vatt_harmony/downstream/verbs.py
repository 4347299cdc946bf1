"""What `evaluate retrieval` and `embed` do once their arguments are read."""

import argparse
from dataclasses import replace

from vatt_harmony.downstream.embed import EmbedResult, embed
from vatt_harmony.downstream.embeddings import embed_source
from vatt_harmony.downstream.ranks import Ranks, usable_device
from vatt_harmony.downstream.report import print_retrieval, retrieval_figures
from vatt_harmony.downstream.retrieval import retrieve
from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure, print_figures, write_figures
from vatt_harmony.model.loading import load_model
from vatt_harmony.model.processor import VattProcessor
from vatt_harmony.stream.config import StreamConfig
from vatt_harmony.stream.evaluation import evaluation_batches
from vatt_harmony.stream.tokenizer import Tokenizer


def run_retrieval(args: argparse.Namespace) -> int:
    """`evaluate retrieval`: rank 0 prints the table; under torchrun every rank embeds its share."""
    if args.data is None or args.annotations is not None or args.videos is not None:
        raise UserError(
            "evaluate retrieval needs DATA, or --protocol with --annotations and --videos",
            "There are no clips to retrieve",
            "Write evaluate retrieval MODEL SHARDS, or add --protocol msrvtt or youcook2",
        )
    with Ranks(args.device) as (rank, world_size, device):
        model, processor = load_model(args.model, device)
        stream = _stream(processor, args, world_size)
        tokenizer = Tokenizer(processor.tokenizer, processor.words)
        batches = evaluation_batches(
            args.data,
            stream,
            tokenizer,
            windows=args.windows,
            rows=args.batch,
            limit=args.limit,
            rank=rank,
            world_size=world_size,
        )
        embeddings = embed_source(model.vatt, batches, device, args.shuffle_frames, args.windows)
    results = retrieve(embeddings, model.config.trained_pairs)
    if all(result is None for result in results.values()):
        raise UserError(
            f"No clip of {args.data} has two modalities that this model has aligned",
            "There is nothing to retrieve",
            f"Give clips with {' or '.join(pair.replace('_', ' and ') for pair in model.config.trained_pairs)}",
        )
    if rank == 0:
        print_retrieval(results)
        if args.json:
            write_figures(retrieval_figures(results), args.json)
    return 0


def _stream(processor: VattProcessor, args: argparse.Namespace, world_size: int) -> StreamConfig:
    """Clips cut as this model was trained on them."""
    return StreamConfig(
        global_batch=args.batch * world_size,
        frames=processor.frames,
        fps=processor.fps,
        size=processor.size,
        sample_rate=processor.sample_rate,
        words=processor.words,
        candidates=args.candidates,
        workers=args.workers,
    )


def run_embed(args: argparse.Namespace) -> int:
    """`embed`: one process; exit status 1 when nothing at all could be embedded."""
    model, processor = load_model(args.model, usable_device(args.device))
    result = embed(
        model,
        processor,
        args.paths,
        args.out,
        format=args.format,
        windows=args.windows,
        batch=args.batch,
        progress=lambda done, total: print(f"part {done} of {total}", flush=True),
    )
    figures = embed_figures(result)
    print_figures(figures)
    for reason, where in sorted(result.first.items()):
        print(f"first {reason}: {_printable(where)}")
    print(f"embeddings: {args.out}")
    if args.json:
        write_figures([_naming_first(figure, result) for figure in figures], args.json)
    return 0 if result.embedded else 1


def embed_figures(result: EmbedResult) -> list[Figure]:
    """What was embedded, and what was not, by reason."""
    counts = {"clips embedded": result.embedded, "parts": result.parts, "parts of an earlier run": result.resumed}
    counts |= {f"failed: {reason}": count for reason, count in sorted(result.failures.items()) if count}
    return [Figure(id=f"embed.{name}", name=name, value=float(count)) for name, count in counts.items()]


def _naming_first(figure: Figure, result: EmbedResult) -> Figure:
    where = result.first.get(figure.id.removeprefix("embed.failed: "))
    return figure if where is None else replace(figure, name=f"{figure.name} (first {where})")


def _printable(where: str) -> str:
    """File names may hold bytes that no terminal shows."""
    return where.encode("utf-8", "replace").decode()
