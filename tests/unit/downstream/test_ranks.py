"""Which device each rank takes."""

import pytest
import torch

from vatt_harmony.downstream.ranks import Ranks, rank_device
from vatt_harmony.errors import UserError


def machine(monkeypatch: pytest.MonkeyPatch, devices: int, local_rank: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: devices > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    monkeypatch.setenv("LOCAL_RANK", str(local_rank))


@pytest.mark.parametrize(
    ("devices", "local_rank", "name", "expected"),
    [(2, 1, "auto", "cuda:1"), (2, 1, "cuda", "cuda:1"), (1, 1, "cuda", "cuda:0"), (0, 1, "auto", "cpu"),
     (2, 1, "cpu", "cpu")],
)  # fmt: skip
def test_each_rank_takes_its_own_device(monkeypatch, devices, local_rank, name, expected):
    machine(monkeypatch, devices, local_rank)
    assert rank_device(name) == expected


def test_a_shared_device_is_refused(monkeypatch):
    machine(monkeypatch, 2, 2)
    with pytest.raises(UserError, match="local rank 2"):
        rank_device("auto")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="several ranks"):
        Ranks("cuda:1")


def test_one_rank_needs_no_group(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with Ranks("cpu") as found:
        assert found == (0, 1, "cpu")
