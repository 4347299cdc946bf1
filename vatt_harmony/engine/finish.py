"""The end of a run: is it there already, and what its user reads last."""

import json
from pathlib import Path

from vatt_harmony.engine.checkpoint import latest_checkpoint, read_state
from vatt_harmony.engine.status import Status, read_status, write_status


def finished(run: Path, steps: int) -> bool:
    """Whether the newest checkpoint of `run` is that of the last step. Reads two small files."""
    checkpoint = latest_checkpoint(run)
    return checkpoint is not None and int(read_state(checkpoint)["step"]) >= steps


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
    print(f"curves       tensorboard --logdir {run}")
    if status.state == "preempted":
        print("go on        start the same command again")
    else:
        print(f"encoder      vatt-harmony export {run} {run}/encoder", flush=True)


def _last_losses(metrics: Path) -> dict[str, float]:
    if not metrics.is_file():
        return {}
    lines = metrics.read_text(encoding="utf-8").splitlines()
    row = json.loads(lines[-1]) if lines else {}
    prefix = "1 learning/loss/"
    return {key.removeprefix(prefix): value for key, value in row.items() if key.startswith(prefix) and value}
