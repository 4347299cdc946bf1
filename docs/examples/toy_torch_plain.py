"""A plain torch loop: two towers, three losses."""

import torch
from toy import TwoTowers, batches


def train(steps: int = 20) -> list[float]:
    """Train on made-up clips; returns the loss of every step."""
    torch.manual_seed(0)
    model = TwoTowers()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    curve: list[float] = []
    for batch in batches(steps):
        z = model(batch)
        terms = model.losses(z | {"label": batch["label"]})
        loss = torch.stack(list(terms.values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
        print(f"loss {loss.item():.3f}")
    return curve


if __name__ == "__main__":
    train()
