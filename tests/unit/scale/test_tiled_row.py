"""Row 02.5 in small, and the measure of memory that it takes."""

import pytest
import torch

from vatt_harmony.scale.bench import tiled
from vatt_harmony.scale.memory import in_own_process, peak_bytes

MEGABYTE = 2**20


def allocate(megabytes: int) -> int:
    return peak_bytes(lambda: bytearray(b"1") * (megabytes * MEGABYTE))


def test_peak_of_a_process_does_not_begin_with_that_of_its_parent() -> None:
    held = bytearray(b"1") * (200 * MEGABYTE)
    assert 50 * MEGABYTE <= in_own_process(allocate, 50) < 100 * MEGABYTE
    del held


def test_what_is_compared_is_equal_and_differs_in_its_tiles() -> None:
    assert tiled.config_of("naive", tiled.BATCH).rows_a_tile(tiled.BATCH) == tiled.BATCH
    assert tiled.config_of("tiled", tiled.BATCH).rows_a_tile(tiled.BATCH) == 64
    found, wanted = (
        tiled.differentiated(*tiled.batch_of(150), tiled.config_of(name, 150)) for name in ("tiled", "naive")
    )
    for quantity, value in wanted.items():
        torch.testing.assert_close(found[quantity], value, rtol=1e-4, atol=1e-6)
    seconds = tiled.cpu_seconds(20, 2)
    assert {name: len(values) for name, values in seconds.items()} == {"tiled": 2, "naive": 2}


@pytest.mark.parametrize("name", ["naive", "tiled"])
def test_peak_of_a_small_loss_is_measured(name: str) -> None:
    assert tiled.peak_of(name, 40) >= 0
