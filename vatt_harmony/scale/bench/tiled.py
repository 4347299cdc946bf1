"""Row 02.5: the contrastive loss in row tiles against the whole matrix of similarities: memory, time, ranks."""

import time
from dataclasses import replace

import torch
from torch import Tensor

from vatt_harmony.figures import Figure
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.objective.objective import pair_losses
from vatt_harmony.objective.sharded import ALONE, Ranks
from vatt_harmony.scale.bench.harmonized import relative
from vatt_harmony.scale.bench.overhead import median_ratio
from vatt_harmony.scale.bench.suite import Options, Row, measures
from vatt_harmony.scale.memory import in_own_process, peak_bytes
from vatt_harmony.scale.ranks import run_ranks

BATCH, CANDIDATES, WIDTH = 4096, 5, 256
WORLD_SIZES = (2, 4)
MODES = ("asymmetric", "symmetric", "paper")


def batch_of(size: int, dtype: torch.dtype = torch.float32) -> tuple[tuple[Tensor, Tensor], dict[str, Tensor]]:
    """Random embeddings of videos and candidate sentences, with graph; masks in which a quarter is missing."""
    generator = torch.Generator().manual_seed(size)
    shapes = (size, WIDTH), (size, CANDIDATES, WIDTH)
    video, text = (torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes)
    video_mask = torch.rand(size, generator=generator) < 0.9
    text_mask = torch.rand(size, CANDIDATES, generator=generator) < 0.75
    return (video, text), {"video": video_mask, "audio": video_mask, "text": text_mask}


def differentiated(
    embeddings: tuple[Tensor, Tensor], valid: dict[str, Tensor], config: ObjectiveConfig, ranks: Ranks = ALONE
) -> dict[str, Tensor]:
    """Loss of every sample, both gradients and retrieval of the pair of video and text."""
    losses = pair_losses({"video_text": embeddings}, valid, config, only=("video_text",), ranks=ranks)
    at_video, at_text = torch.autograd.grad(losses.total, embeddings)
    return {
        "losses": losses.per_sample["video_text"].nan_to_num(0.0),
        "gradient at video": at_video,
        "gradient at text": at_text,
        "masses": losses.masses["video_text"],
    }


def config_of(name: str, size: int, mode: str = "asymmetric") -> ObjectiveConfig:
    """`naive`: the whole matrix; `tiled`: as a batch of this size is tiled; `sharded`: divided over ranks as well."""
    tile = size if name == "naive" else ObjectiveConfig().rows_a_tile(BATCH)
    return ObjectiveConfig(mode=mode, tile=tile, shard_above=0 if name == "sharded" else size)  # type: ignore[arg-type]


def peak_of(name: str, size: int) -> int:
    """Memory of one loss and its gradients, in bytes beyond the embeddings; for a process that has done nothing."""
    torch.set_num_threads(1)
    differentiated(*batch_of(8), config_of(name, 8))  # loads what torch loads at its first product
    embeddings, valid = batch_of(size)
    config = config_of(name, size)
    return peak_bytes(lambda: differentiated(embeddings, valid, config))


def cpu_seconds(size: int, pairs: int) -> dict[str, list[float]]:
    """CPU time of one loss with its gradients, one thread, tiled and naive in turns."""
    embeddings, valid = batch_of(size)
    seconds: dict[str, list[float]] = {"tiled": [], "naive": []}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for repetition in range(pairs):
            for name in sorted(seconds, reverse=repetition % 2 == 1):
                started = time.process_time()
                differentiated(embeddings, valid, config_of(name, size))
                seconds[name].append(time.process_time() - started)
    finally:
        torch.set_num_threads(threads)
    return seconds


def on_ranks(rank: int, world_size: int, size: int) -> dict[str, dict[str, Tensor]]:
    """Mode -> results of this rank, in fp64; the tiles of a rank are as many as make it go through several."""
    ranks = Ranks(rank=rank, world_size=world_size)
    configs = {mode: replace(config_of("sharded", size, mode), tile=max(1, size // 16)) for mode in MODES}
    return {mode: differentiated(*batch_of(size, torch.float64), config, ranks) for mode, config in configs.items()}


def sharded_error(size: int) -> float:
    """Largest relative difference of a rank's results from the whole matrix on one rank, over modes and ranks, fp64."""
    wanted = {mode: differentiated(*batch_of(size, torch.float64), config_of("naive", size, mode)) for mode in MODES}
    return max(
        relative(result[mode][quantity], value)
        for world_size in WORLD_SIZES
        for result in run_ranks(on_ranks, world_size, size)
        for mode in MODES
        for quantity, value in wanted[mode].items()
    )


MEASURES = measures(
    "02.5",
    ("tiled / whole matrix, B 4096, K 5: peak memory of a process beyond the embeddings", "<= 0.10", ""),
    ("tiled / whole matrix, B 4096, K 5: CPU time, median of pairs", "<= 0.65", ""),
    ("sharded over 2 and 4 ranks, fp64, against the whole matrix: largest relative error", "<= 1e-12", ""),
)


def run(options: Options) -> list[Figure]:
    """Loss and both gradients of one pair; fresh processes for memory, interleaved pairs for time, gloo for ranks."""
    memory, seconds, error = MEASURES
    peaks = {name: in_own_process(peak_of, name, BATCH) for name in ("tiled", "naive")}
    times = cpu_seconds(BATCH, options.pairs)
    ratio, low, high = median_ratio(times["tiled"], times["naive"])
    return [
        replace(memory, value=peaks["tiled"] / peaks["naive"]),
        replace(seconds, value=ratio, low=low, high=high, n=options.pairs),
        replace(error, value=sharded_error(203), n=len(WORLD_SIZES) * len(MODES)),
    ]


ROW = Row(
    id="02.5",
    title="contrastive loss in tiles, and over ranks, against the whole matrix",
    takes="half a minute, and 10 s a repetition, --pairs of them",
    measures=MEASURES,
    run=run,
)
