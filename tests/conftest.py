"""Fixtures for every test."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real media: VATT_HARMONY_DATA, else ../shared/data; absent means skip."""
    root = Path(os.environ.get("VATT_HARMONY_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (root / "manifest.csv").is_file():
        pytest.skip(f"no real media at {root}; set VATT_HARMONY_DATA to the folder that holds them")
    return root
