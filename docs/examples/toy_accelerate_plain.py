"""Accelerate: two towers, three losses, two micro-batches a step; any number of processes."""

import torch
from accelerate import Accelerator
from toy import TwoTowers, batches


def train(steps: int = 20) -> list[float]:
    """Train on made-up clips, two micro-batches a step; returns the loss of every micro-batch."""
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    torch.manual_seed(0)
    model = TwoTowers()
    model, optimizer = accelerator.prepare(model, torch.optim.AdamW(model.parameters(), lr=1e-3))
    heads = accelerator.unwrap_model(model)
    curve: list[float] = []
    for batch in batches(steps, rank=accelerator.process_index, world_size=accelerator.num_processes):
        with accelerator.accumulate(model):
            z = model(batch)
            terms = heads.losses(z | {"label": batch["label"]})
            loss = torch.stack(list(terms.values())).sum()
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
        curve.append(loss.item())
        print(f"loss {loss.item():.3f}")
    return curve


if __name__ == "__main__":
    train()
