"""Accelerate, two micro-batches a step; any number of processes."""

import torch
from accelerate import Accelerator
from balance_toy import batches, make_balancer


def train(steps: int = 20) -> list[float]:
    """Train on made-up clips; returns the loss of every micro-batch."""
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    balancer = make_balancer(accumulation=2)
    optimizer = torch.optim.AdamW(balancer.parameter_groups(lr=1e-3, weight_decay=1e-2))
    balancer.attach(optimizer)
    model, optimizer = accelerator.prepare(balancer, optimizer)
    curve = []
    for clips, labels in batches(steps, rank=accelerator.process_index, world_size=accelerator.num_processes):
        with accelerator.accumulate(model):
            loss, _ = balancer.loss(model(**clips), labels)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
        curve.append(loss.item())
    return curve


if __name__ == "__main__":
    train()
