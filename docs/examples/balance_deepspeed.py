"""DeepSpeed, any ZeRO stage; any number of ranks."""

import deepspeed
import torch
import torch.distributed as dist
from balance_toy import batches, make_balancer

if not torch.cuda.is_available():
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False  # would be compiled first, for a minute


def train(steps: int = 20, stage: int = 2) -> list[float]:
    """Train on made-up clips; returns the loss of every step."""
    balancer = make_balancer()
    optimizer = torch.optim.AdamW(balancer.parameter_groups(lr=1e-3))
    config = {"train_micro_batch_size_per_gpu": 8, "zero_optimization": {"stage": stage}}
    engine, optimizer, *_ = deepspeed.initialize(model=balancer, optimizer=optimizer, config=config)
    balancer.attach(optimizer)
    curve = []
    for clips, labels in batches(steps, 8 * dist.get_world_size(), dist.get_rank(), dist.get_world_size()):
        output = engine(**{name: rows.to(engine.device) for name, rows in clips.items()})
        loss, _ = balancer.loss(output, labels.to(engine.device))
        engine.backward(loss)
        engine.step()
        curve.append(loss.item())
    return curve


if __name__ == "__main__":
    train()
