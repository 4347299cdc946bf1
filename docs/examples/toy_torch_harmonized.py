"""A plain torch loop: two towers, three losses."""

import torch
from toy import TwoTowers, batches

from vatt_harmony.harmony import Harmonizer


def train(steps: int = 20) -> list[float]:
    """Train on made-up clips; returns the loss of every step."""
    torch.manual_seed(0)
    model = TwoTowers()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    harmonizer = Harmonizer()
    curve: list[float] = []
    for batch in batches(steps):
        z = model(batch)
        loss, report = harmonizer(z | {"label": batch["label"]}, model.losses)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
        print(f"loss {loss.item():.3f}, clips in conflict: {report.conflicts:.0%}")
    return curve


if __name__ == "__main__":
    train()
