"""A plain torch loop."""

import torch
from balance_toy import batches, make_balancer


def train(steps: int = 20) -> list[float]:
    """Train on made-up clips; returns the loss of every step."""
    balancer = make_balancer()
    optimizer = torch.optim.AdamW(balancer.parameter_groups(lr=1e-3, weight_decay=1e-2))
    balancer.attach(optimizer)
    curve = []
    for clips, labels in batches(steps):
        loss, report = balancer.loss(balancer(**clips), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
        print(f"loss {loss.item():.3f}", {name: round(v, 3) for name, v in report.scalars().items() if "k/" in name})
    return curve


if __name__ == "__main__":
    train()
