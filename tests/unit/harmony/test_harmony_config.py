import typing

import pytest

from vatt_harmony.config import from_mapping, to_mapping
from vatt_harmony.errors import UserError
from vatt_harmony.harmony import RULES, SIGNALS, HarmonyConfig
from vatt_harmony.harmony.config import Rule, Signal


def test_names_in_the_config_are_the_names_in_the_tables() -> None:
    assert typing.get_args(Signal) == (*SIGNALS, "last_block", "exact", "batch")  # the last three need the trunk
    assert typing.get_args(Rule) == tuple(RULES)


@pytest.mark.parametrize(
    ("mapping", "named"),
    [
        ({"rule": "pc_grad"}, "pcgrad"),
        ({"w_max": 0.5}, "w_max"),
        ({"eps_rel": -1}, "eps_rel"),
        ({"curriculum": {"kind": "threshold", "gamma0": -0.3, "t0": 0, "t1": 5}}, "gamma1 is not given"),
        ({"curriculum": {"kind": "threshold", "gamma0": -0.3, "gamma1": 0, "t0": 0}}, "t1 is not given"),
        ({"curriculum": {"kind": "quantile", "gamma0": -0.3}}, "gamma0 is -0.3, but kind quantile"),
        ({"curriculum": {"kind": "quantile", "shape": "constant", "q0": 1.5, "t0": 0}}, "0 to 1"),
        ({"curriculum": {"kind": "quantile", "q0": 0, "q1": 0.3, "t0": 9, "t1": 9}}, "must be above t0"),
        ({"curriculum": {"q0": 0.3}}, "q0 is 0.3, but kind none"),
        ({"curriculum": {"kind": "quantile", "gama0": 0.3}}, "gamma0"),
        (
            {"curriculum": {"kind": "quantile", "shape": "constant", "q0": 0.3, "t0": 0, "score": "learnability"}},
            "refer",
        ),
        ({"curriculum": {"reference": "encoders/other"}}, "needed by score learnability, and by it alone"),
        ({"enabled": False, "balance": {"enabled": True}}, "balance.enabled is true"),
        ({"balance": {"beta_max": 0.5}}, "beta_max"),
        (
            {"curriculum": {"kind": "threshold", "shape": "constant", "gamma0": 8, "t0": 0, "score": "loss"}},
            "minus the loss",
        ),
        ({"ledger": {"ramp": [0.1]}}, "ramp"),
        ({"gradvac_beta": 2}, "gradvac_beta"),
    ],
)
def test_mistakes_are_named(mapping: dict, named: str) -> None:
    with pytest.raises(UserError, match=named):
        from_mapping(HarmonyConfig, mapping, "harmony")


def test_round_trip() -> None:
    config = from_mapping(
        HarmonyConfig, {"curriculum": {"kind": "quantile", "q0": 0, "q1": 0.3, "t0": 10, "t1": 100}}, "harmony"
    )
    assert from_mapping(HarmonyConfig, to_mapping(config)) == config


def test_a_threshold_is_warned_about_with_the_signal_it_holds_for() -> None:
    mapping = {"kind": "threshold", "shape": "constant", "gamma0": 0, "t0": 0}
    (warning,) = from_mapping(HarmonyConfig, {"signal": "representation", "curriculum": mapping}).warnings
    assert "representation/all" in warning
    assert not HarmonyConfig().warnings
