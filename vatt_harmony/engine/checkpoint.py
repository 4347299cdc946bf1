"""Checkpoints of a run folder: written whole or not at all, read without pickles except DeepSpeed's own resume.

checkpoints/latest                         name of the newest one
checkpoints/step_00001000/deepspeed/       DeepSpeed's partitions of weights and optimizer, for resuming
checkpoints/step_00001000/weights.safetensors   all weights in fp32, for export, evaluation and `--init`
checkpoints/step_00001000/ledger.parquet   what the visits of every sample said, of a harmonized run
checkpoints/step_00001000/config.yaml, state.json   resolved configuration; everything else that moves
"""

import json
import pickle
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch.distributed as dist
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from vatt_harmony.config import from_mapping, to_mapping
from vatt_harmony.engine.config import RunConfig
from vatt_harmony.errors import UserError

VERSION = 1
WEIGHTS = "weights.safetensors"


def save_checkpoint(
    engine: Any,
    run: Path,
    config: RunConfig,
    state: Mapping[str, Any],
    keep: int,
    add: Callable[[Path], None] = lambda folder: None,
) -> Path:
    """Write `checkpoints/step_XXXXXXXX` under a temporary name, then move it. All ranks must call it.

    `state` is plain JSON and holds at least "step"; `add` puts further files into the folder, on rank 0. The oldest
    checkpoints beyond `keep` (0 = all) are removed.
    """
    name = f"step_{state['step']:08d}"
    folder, part = run / "checkpoints" / name, run / "checkpoints" / f".{name}.part"
    first = dist.get_rank() == 0
    if first:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
    dist.barrier()
    engine.save_checkpoint(str(part), tag="deepspeed", save_latest=False)
    weights = {key: value for key, value in full_weights(engine.module) if first}
    if first:
        for script in part.glob("zero_to_*.py"):  # DeepSpeed's, to make of its parts what lies here already
            script.unlink()
        save_file(weights, part / WEIGHTS)
        add(part)
        (part / "config.yaml").write_text(yaml.safe_dump(to_mapping(config), sort_keys=False))
        facts = {
            "version": VERSION,
            "world_size": dist.get_world_size(),
            "zero_stage": engine.zero_optimization_stage(),
        }
        (part / "state.json").write_text(json.dumps({**facts, **state}, indent=1))
    dist.barrier()
    if first:
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
        _write_latest(run, name)
        _retain(run, name, keep)
    dist.barrier()
    return folder


def remove_unfinished(run: Path) -> None:
    """Remove the checkpoints that a killed run has left unfinished. Rank 0 only, before anybody writes."""
    for part in (run / "checkpoints").glob(".*.part"):
        if part.is_dir():
            shutil.rmtree(part)


def latest_checkpoint(run: Path) -> Path | None:
    """The newest checkpoint of a run folder; None if there is none."""
    pointer = run / "checkpoints" / "latest"
    if not pointer.is_file():
        return None
    folder = run / "checkpoints" / pointer.read_text().strip()
    if not (folder / "state.json").is_file():
        raise UserError(
            f"{pointer} names {folder.name}, which is not a whole checkpoint",
            "The run cannot go on from it",
            f"Write the name of another folder of {folder.parent} into {pointer.name}, or delete it to start anew",
        )
    return folder


def read_state(checkpoint: Path) -> dict[str, Any]:
    """`state.json` of a checkpoint; an unknown version or a foreign folder is refused by name."""
    path = checkpoint / "state.json"
    try:
        state = json.loads(path.read_text())
        version = state["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{checkpoint} is not a checkpoint of vatt_harmony ({error})",
            "Nothing was loaded",
            "Give a folder checkpoints/step_XXXXXXXX of a run, or the run folder itself",
        ) from error
    if version != VERSION:
        raise UserError(
            f"{path} has format version {version}; this library reads version {VERSION}",
            "Nothing was loaded",
            "Use the library version that wrote it (named in environment.json)",
        )
    return dict(state)


def load_checkpoint(engine: Any, checkpoint: Path) -> dict[str, Any]:
    """Restore weights and optimizer into the engine; returns the state. All ranks must call it.

    Raises UserError for damage; whether the checkpoint belongs to this run, `engine/resume.py` asks beforehand.
    """
    state = read_state(checkpoint)
    try:
        loaded, _ = engine.load_checkpoint(str(checkpoint), tag="deepspeed")
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        raise _damaged(checkpoint, error) from error
    if loaded is None:
        raise _damaged(checkpoint, "DeepSpeed found no state")
    return state


def find_checkpoint(place: Path) -> Path:
    """`place` itself if it is a checkpoint, else the newest one of the run folder `place`."""
    checkpoint = place if (place / "state.json").is_file() else latest_checkpoint(place)
    if checkpoint is None:
        raise UserError(
            f"{place} is neither a run folder with a checkpoint nor a checkpoint",
            "There are no weights to read",
            "Give the folder that `vatt-harmony pretrain` wrote",
        )
    return checkpoint


def load_weights(checkpoint: Path) -> tuple[dict[str, Tensor], RunConfig]:
    """All weights in fp32 and the configuration of a checkpoint: reads safetensors, YAML and JSON only.

    Raises UserError for a foreign or damaged folder.
    """
    read_state(checkpoint)
    try:
        weights = load_file(checkpoint / WEIGHTS)
        config = from_mapping(RunConfig, yaml.safe_load((checkpoint / "config.yaml").read_text()))
    except (OSError, ValueError, SafetensorError, yaml.YAMLError) as error:
        raise _damaged(checkpoint, error) from error
    return weights, config


def load_into(module: nn.Module, weights: Mapping[str, Tensor], origin: Path) -> None:
    """Fill `module`; any difference in names or shapes is an error that lists the first of them."""
    own = module.state_dict()
    wrong = [name for name in own if name not in weights or weights[name].shape != own[name].shape]
    wrong += [name for name in weights if name not in own]
    if wrong:
        raise UserError(
            f"{len(wrong)} weights of {origin} do not fit the model, first {', '.join(wrong[:3])}",
            "A model filled in part would train from nonsense",
            "Give the same `model` section as in the config.yaml beside the weights",
        )
    module.load_state_dict(dict(weights))


def full_weights(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Names and whole fp32 values (CPU) of all parameters and buffers. All ranks must iterate it, ZeRO or not."""
    from deepspeed.utils import safe_get_full_fp32_param

    for name, parameter in module.named_parameters():
        # Present on every rank, if None where the rank owns no part: only so do all ranks join the collective.
        managed = hasattr(parameter, "ds_id") or hasattr(parameter, "_hp_mapping")
        value = safe_get_full_fp32_param(parameter) if managed else parameter
        yield name, (parameter if value is None else value).detach().float().cpu().clone().contiguous()
    persistent = set(module.state_dict())
    for name, buffer in module.named_buffers():
        if name in persistent:
            yield name, buffer.detach().cpu().clone().contiguous()


def _damaged(checkpoint: Path, why: object) -> UserError:
    return UserError(
        f"{checkpoint} is damaged: {str(why).splitlines()[0]}",
        "Nothing was loaded",
        f"Use an older checkpoint: write its name into {checkpoint.parent / 'latest'}",
    )


def _retain(run: Path, newest: str, keep: int) -> None:
    """Remove the oldest up to `newest`; later ones, left by a run that went back to `newest`, are not counted."""
    written = sorted(path for path in (run / "checkpoints").glob("step_*") if path.name <= newest)
    for old in written[:-keep] if keep else []:
        shutil.rmtree(old)


def _write_latest(run: Path, name: str) -> None:
    part = run / "checkpoints" / ".latest.part"
    part.write_text(name + "\n")
    part.replace(run / "checkpoints" / "latest")
