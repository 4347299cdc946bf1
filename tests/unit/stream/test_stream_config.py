"""The config refuses what cannot run, by field, value and range."""

import pytest

from vatt_harmony.config import from_mapping, to_mapping
from vatt_harmony.errors import UserError
from vatt_harmony.stream.config import DataConfig, StreamConfig


@pytest.mark.parametrize(
    ("batch", "lanes"), [(1, 1), (16, 16), (256, 256), (512, 256), (510, 255), (2048, 256), (509, 1), (600, 200)]
)
def test_lanes_are_the_largest_divisor_up_to_256(batch, lanes):
    assert StreamConfig(global_batch=batch).lanes == lanes


def test_the_defaults_are_the_papers():
    config = StreamConfig(global_batch=2048)
    assert (config.samples, config.frames, config.size, config.candidates, config.words) == (153600, 32, 224, 5, 16)
    assert config.seconds == 3.2


@pytest.mark.parametrize(
    ("field", "value"),
    [("global_batch", 0), ("frames", 0), ("fps", 0.0), ("flip", 1.5), ("crop_area", [0.0, 1.0]), ("workers", -1)],
)
def test_values_out_of_range_are_named(field, value):
    with pytest.raises(UserError, match=rf"{field} is .*valid"):
        from_mapping(StreamConfig, {"global_batch": 4, field: value}, "stream")


@pytest.mark.parametrize(
    "sources", [{}, {"a/b": {"shards": "x"}}, {"a": {"shards": ""}}, {"a": {"shards": "x", "weight": 0.0}}]
)
def test_sources_that_cannot_be_mixed_are_refused(sources):
    with pytest.raises(UserError):
        from_mapping(DataConfig, {"sources": sources}, "data")


def test_configs_survive_yaml():
    config = StreamConfig(global_batch=4)
    assert from_mapping(StreamConfig, to_mapping(config)) == config
