"""How the demo starts its runs."""

import pytest
import torch

from vatt_harmony.demo.launch import ranks


@pytest.mark.parametrize(("devices", "batch", "wanted"), [(0, 64, 2), (8, 64, 8), (3, 64, 2), (5, 7, 1)])
def test_ranks_share_the_batch(monkeypatch: pytest.MonkeyPatch, devices: int, batch: int, wanted: int) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    assert ranks(batch) == wanted
