"""Accelerate: two towers, three losses, two micro-batches a step; any number of processes."""

import torch
from accelerate import Accelerator
from toy import TwoTowers, batches

from vatt_harmony.harmony import Harmonizer


def train(steps: int = 20) -> list[float]:
    """Train on made-up clips, two micro-batches a step; returns the loss of every micro-batch."""
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    torch.manual_seed(0)
    model = TwoTowers()
    model, optimizer = accelerator.prepare(model, torch.optim.AdamW(model.parameters(), lr=1e-3))
    heads = accelerator.unwrap_model(model)
    harmonizer = Harmonizer()
    curve: list[float] = []
    for batch in batches(steps, rank=accelerator.process_index, world_size=accelerator.num_processes):
        with accelerator.accumulate(model):
            z = model(batch)
            loss, report = harmonizer(z | {"label": batch["label"]}, heads.losses)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
        curve.append(loss.item())
        print(f"loss {loss.item():.3f}, clips in conflict: {report.conflicts:.0%}")
    return curve


if __name__ == "__main__":
    train()
