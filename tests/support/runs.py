"""A recipe so small that a run of it takes seconds, and the command line called as a user calls it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from support.exports import write_shard

PROJECT = Path(__file__).parents[2]
CLIPS = 24


def tiny_recipe(folder: Path, clips: int = CLIPS) -> Path:
    """`folder/tiny.yaml` and its shards: `clips` clips with picture, tone and sentence, one of them broken."""
    shards = folder / "shards"
    shards.mkdir(parents=True)
    write_shard(shards / "made-000000.tar", clips, folder)
    for media in folder.glob("*.mp4"):
        media.unlink()
    recipe = {
        "data": {"sources": {"made": {"shards": str(shards)}}, "vocabulary": 64},
        "stream": {
            "global_batch": 8, "frames": 4, "fps": 4, "size": 32, "sample_rate": 8000, "candidates": 2, "words": 6,
            "workers": 0, "shuffle_window": 4,
        },
        "model": {
            "trunk": {"depth": 2, "width": 32, "ff": 64, "heads": 2}, "patch": [2, 16, 16], "text_width": 12,
            "d_va": 16, "d_vt": 8, "post_width": 24,
        },
        "optim": {"lr": 1e-3, "warmup": 2},
        "engine": {
            "steps": 2, "deepspeed": "configs/deepspeed/zero1_fp32.json", "checkpoint_every": 2, "log_every": 1,
            "look_every": 1000,
        },
    }  # fmt: skip
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def environment() -> dict[str, str]:
    """Of a run on the CPU that shares the machine with others."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "DS_ACCELERATOR": "cpu", "PYTHONPATH": str(PROJECT)}


def launch(ranks: int, output: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start `pretrain ARGUMENTS` on `ranks` CPU ranks; what it prints goes to the file `output`.

    A file, not a pipe: whoever reads a pipe waits for its last holder, and a test of orphans would wait for them.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(ranks)]
    return start([*command, "--module", "--", "vatt_harmony", "pretrain", *arguments], output)


def start(command: Sequence[str], output: Path) -> "subprocess.Popen[bytes]":
    """Start a command in a session of its own."""
    with output.open("wb") as file:
        return subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=environment(), cwd=PROJECT, start_new_session=True
        )
