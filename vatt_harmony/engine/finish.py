"""The end of a run: is it there already, and what its user reads last."""

import json
from dataclasses import replace
from pathlib import Path

from vatt_harmony.engine.checkpoint import latest_checkpoint, read_state
from vatt_harmony.engine.config import RunConfig
from vatt_harmony.engine.parts import TOKENIZER, model_config
from vatt_harmony.engine.resume import check_same_run
from vatt_harmony.engine.status import Status, read_status, write_status
from vatt_harmony.errors import UserError
from vatt_harmony.programs import program
from vatt_harmony.stream.tokenizer import load_tokenizer


def finished(run: Path, config: RunConfig) -> bool:
    """Whether the newest checkpoint of `run` is that of the last step. Reads a few small files.

    Raises UserError if `config` asks for another run than the one that lies there.
    """
    checkpoint = latest_checkpoint(run)
    if checkpoint is None or int(read_state(checkpoint)["step"]) < config.engine.steps:
        return False
    vocabulary = load_tokenizer(run / TOKENIZER, config.stream.words).vocabulary
    changes = check_same_run(checkpoint, replace(config, model=model_config(config, vocabulary)))
    ignored = [change for change in changes if not change.startswith(("engine.", "eval."))]
    if ignored:
        raise UserError(
            f"The run in {run} is finished, and was another one: {'; '.join(ignored[:5])}",
            "Its results would be taken for those of the new settings",
            "Give the new settings a folder of their own: --run OTHER",
        )
    return True


def tell_result(run: Path) -> None:
    """Print where everything lies and what to do next; mend the status of a run killed after its last checkpoint."""
    checkpoint = latest_checkpoint(run)
    if checkpoint is None:
        return
    status = read_status(run)
    if status is None or status.state not in ("finished", "preempted"):
        step = int(read_state(checkpoint)["step"])
        place = checkpoint.relative_to(run).as_posix()
        status = Status(state="finished", step=step, of=step, last_checkpoint=place)
        write_status(run, status)
    losses = "  ".join(f"{name} {value:.4f}" for name, value in _last_losses(run / "metrics.jsonl").items())
    print(f"\n{status.state} after step {status.step} of {status.of}" + (f"   {losses}" if losses else ""))
    print(f"run folder   {run}  (docs/run-folder.md tells what is in it)")
    print(f"curves       {program('tensorboard')} --logdir {run}")
    if status.state == "preempted":
        print("go on        start the same command again")
    else:
        print(f"encoder      {program('vatt-harmony')} export {run} {run}/encoder", flush=True)


def _last_losses(metrics: Path) -> dict[str, float]:
    if not metrics.is_file():
        return {}
    lines = metrics.read_text(encoding="utf-8").splitlines()
    row = json.loads(lines[-1]) if lines else {}
    prefix = "1 learning/loss/"
    return {key.removeprefix(prefix): value for key, value in row.items() if key.startswith(prefix) and value}
