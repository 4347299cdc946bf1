"""A run folder whose ledger and observations are made up, over real shards: what `conflicts report` reads."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from support.exports import write_shard
from vatt_harmony.harmony.ledger import write_ledger

CONFLICTING = 4
VISITS, STEPS = 20, 40


def conflicted_run(folder: Path, clips: int = 12) -> Path:
    """A run over `clips` clips in `folder/shards` (the last is damaged), the first CONFLICTING against themselves."""
    shards, run = folder / "shards", folder / "run"
    checkpoint = run / "checkpoints" / f"step_{STEPS:08d}"
    for made in (shards, checkpoint, run / "observations"):
        made.mkdir(parents=True)
    write_shard(shards / "made-000000.tar", clips, folder)
    sources = {"made": {"shards": str(shards)}}
    recipe = {"data": {"sources": sources}, "stream": {"global_batch": 4}, "engine": {"steps": STEPS}}
    (run / "config.yaml").write_text(yaml.safe_dump(recipe))
    (run / "checkpoints" / "latest").write_text(checkpoint.name)
    (checkpoint / "state.json").write_text(json.dumps({"version": 1, "step": STEPS}))
    keys = [f"made/{number:04d}" for number in range(clips)]
    mean = np.where(np.arange(clips) < CONFLICTING, -0.3, 0.2) + 0.01 * np.arange(clips)
    cosine = mean[:, None] + np.random.default_rng(0).normal(0, 0.05, (clips, VISITS))
    ledger_of(checkpoint / "ledger.parquet", keys, cosine)
    visits = {
        "step": np.tile(np.linspace(1, STEPS, VISITS).astype(int), clips),
        "key": np.repeat(keys, VISITS).tolist(),
        "cosine": cosine.ravel(),
    }
    pq.write_table(pa.table(visits), run / "observations" / f"step_{STEPS:08d}_rank_00000.parquet")
    return run


def ledger_of(path: Path, keys: list[str], cosine: np.ndarray) -> None:
    """A ledger of visits with these cosines `[N, V]`; losses grow with the row."""
    rows, visits = cosine.shape
    columns = {
        "source": ["made"] * rows,
        "key": keys,
        "n_obs": [visits] * rows,
        "cos_mean": cosine.mean(axis=1),
        "loss_video_audio": 1.0 + np.arange(rows),
        "loss_video_text": 2.0 + np.arange(rows),
        "n_dropped": [0] * rows,
    }
    write_ledger(path, pa.table(columns), {"signal": "last_linear/all", "rule": "pcgrad"})
