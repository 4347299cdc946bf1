"""Retrieval over two ranks equals one process, also when the clips do not divide by the ranks."""

from pathlib import Path

import torch
from support.exports import STREAM, make_export, write_shard
from support.ranks import run_ranks

from vatt_harmony.downstream.embeddings import embed_source
from vatt_harmony.downstream.retrieval import Embeddings, retrieve
from vatt_harmony.model.loading import load_model
from vatt_harmony.stream.evaluation import evaluation_batches
from vatt_harmony.stream.tokenizer import Tokenizer


def embed_share(rank: int, world_size: int, folder: Path, shard: Path) -> Embeddings:
    model, processor = load_model(folder)
    tokenizer = Tokenizer(processor.tokenizer, processor.words)
    batches = evaluation_batches(str(shard), STREAM, tokenizer, windows=2, rows=4, rank=rank, world_size=world_size)
    return embed_source(model.vatt, batches, windows=2)


def test_two_ranks_equal_one(tmp_path: Path) -> None:
    folder = make_export(tmp_path, audio_text_head=True)[1]
    shard = write_shard(tmp_path / "made-000.tar", 8, tmp_path)
    alone = embed_share(0, 1, folder, shard)
    shared = run_ranks(embed_share, 2, tmp_path / "ranks", folder, shard)
    expected = retrieve(alone, alone.pairs)
    assert len(alone.keys) == 7 and set(alone.pairs) == {"video_audio", "video_text", "audio_text"}
    for embeddings in shared:
        assert embeddings.keys == alone.keys
        for pair, sides in alone.pairs.items():
            torch.testing.assert_close(sides, embeddings.pairs[pair], rtol=0, atol=1e-6)
        for direction, result in retrieve(embeddings, embeddings.pairs).items():
            assert torch.equal(result.ranks, expected[direction].ranks)
