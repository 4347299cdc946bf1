"""DeepSpeed, ZeRO stage 1: two towers, three losses; any number of ranks."""

import deepspeed
import deepspeed.ops
import torch
import torch.distributed as dist
from toy import TwoTowers, batches

from vatt_harmony.harmony import Harmonizer

CONFIG = {
    "train_micro_batch_size_per_gpu": 8,
    "optimizer": {"type": "AdamW", "params": {"lr": 1e-3, "torch_adam": True}},
    "zero_optimization": {"stage": 1},
}

if not torch.cuda.is_available():
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False  # would be compiled first, for a minute


def train(steps: int = 20) -> list[float]:
    """Train on made-up clips; returns the loss of every step."""
    deepspeed.init_distributed(dist_backend=None if torch.cuda.is_available() else "gloo")
    torch.manual_seed(0)
    model = TwoTowers()
    engine, *_ = deepspeed.initialize(model=model, model_parameters=model.parameters(), config=CONFIG)
    harmonizer = Harmonizer()
    curve: list[float] = []
    for batch in batches(steps, 8 * dist.get_world_size(), dist.get_rank(), dist.get_world_size()):
        batch = {name: rows.to(engine.device) for name, rows in batch.items()}
        z = engine(batch)
        loss, report = harmonizer(z | {"label": batch["label"]}, engine.module.losses)
        engine.backward(loss)
        engine.step()
        curve.append(loss.item())
        print(f"loss {loss.item():.3f}, clips in conflict: {report.conflicts:.0%}")
    return curve


if __name__ == "__main__":
    train()
    dist.destroy_process_group()
