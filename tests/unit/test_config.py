from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from vatt_harmony.config import from_mapping, load_config, parse_overrides, to_mapping
from vatt_harmony.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Inner:
    rate: float = 0.1
    pair: tuple[float, float] = (1.0, 2.0)

    def __post_init__(self) -> None:
        if self.rate < 0:
            raise ValueError(f"rate, {self.rate}, at least 0")


@dataclass(frozen=True, kw_only=True)
class Outer:
    steps: int
    rule: Literal["sum", "pcgrad"] = "sum"
    inner: Inner = field(default_factory=Inner)
    named: dict[str, Inner] = field(default_factory=dict)
    limit: float | None = None
    source: str | dict[str, Any] = ""
    flag: bool = False
    names: tuple[str, ...] = ()


def test_what_is_saved_is_what_was_read():
    given = {"steps": 3, "inner": {"pair": [3, 4]}, "named": {"a": {"rate": 1}}, "source": {"x": [1]}, "names": ["b"]}
    config = from_mapping(Outer, given)
    assert config.inner.pair == (3.0, 4.0) and config.named["a"].rate == 1.0 and config.source == {"x": [1]}
    assert from_mapping(Outer, yaml.safe_load(yaml.safe_dump(to_mapping(config)))) == config


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("rp-lars-snb.yaml", "Did you mean configs/align/rp-lars-sbn.yaml[?]"),
        (
            "configs/dmo.yaml",
            "Did you mean configs/align/demo.yaml, configs/finetune/demo.yaml or configs/pretrain/demo.yaml[?]",
        ),
        ("zzz.yaml", "the recipes are in configs/align/, configs/finetune/ and configs/pretrain/"),
    ],
)
def test_a_missing_recipe_names_the_nearest_one_or_where_all_are(given, told):
    with pytest.raises(UserError, match=told):
        load_config(Outer, Path(given))


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ({}, "steps is not given"),
        ({"steps": 1, "innr": {}}, "Did you mean 'inner'"),
        ({"steps": 1, "inner": {"rte": 1}}, "Did you mean 'inner.rate'"),
        ({"steps": 1, "zzz": 1}, "Known keys: steps, rule"),
        ({"steps": "many"}, "steps is 'many' of type str"),
        ({"steps": True}, "steps is True"),
        ({"steps": 1.5}, "steps is 1.5"),
        ({"steps": 1, "rule": "pcgard"}, "Did you mean 'pcgrad'"),
        ({"steps": 1, "inner": 3}, "inner is 3, not a mapping"),
        ({"steps": 1, "inner": {"rate": -1}}, "inner: rate, -1.0, at least 0"),
        ({"steps": 1, "inner": {"pair": [1]}}, "inner.pair has 1 entries"),
        ({"steps": 1, "named": {"a": {"rate": "x"}}}, "named.a.rate is 'x'"),
        ({"steps": 1, "flag": 1}, "flag is 1"),
    ],
)
def test_mistakes_are_told_by_name(mapping, told):
    with pytest.raises(UserError, match=told):
        from_mapping(Outer, mapping)


def test_overrides_as_yaml_values():
    given = ["--a.b", "1e-4", "--c=x=y", "--d", "[1, 2]", "--e", "null", "--f", "-3", "--g", "true", "--h", "01:30"]
    assert dict(parse_overrides(given)) | {"h": None} == {
        "a.b": 1e-4, "c": "x=y", "d": [1, 2], "e": None, "f": -3, "g": True, "h": None,
    }  # fmt: skip
    for wrong, told in ((["a", "1"], "does not begin with --"), (["--a"], "--a has no value")):
        with pytest.raises(UserError, match=told):
            parse_overrides(wrong)


def test_files_and_overrides(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("steps: 1\ninner: {rate: 1e-3}\nsource: x\n")
    config = load_config(Outer, path, ["--steps", "2", "--named.b.rate=5", "--limit", "3"])
    assert (config.steps, config.inner.rate, config.named["b"].rate, config.limit) == (2, 1e-3, 5.0, 3.0)
    with pytest.raises(UserError, match="'source' is 'x', not a group"):
        load_config(Outer, path, ["--source.y", "1"])
    with pytest.raises(UserError, match="does not exist"):
        load_config(Outer, tmp_path / "b.yaml")
    path.write_text("steps: [")
    with pytest.raises(UserError, match="is not YAML"):
        load_config(Outer, path)
    path.write_text("- 1\n- 2\n")
    with pytest.raises(UserError, match="not a mapping"):
        load_config(Outer, path)
    with pytest.raises(UserError, match="not a mapping"):
        load_config(Outer, path, ["--steps", "1"])
