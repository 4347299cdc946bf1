"""None, multi-loss, constant, DGL, and rules by name."""

import pytest
from support.balance_evidence import evidence

from vatt_harmony.balance.rules import PRESETS, RULES, Constant, make_rule
from vatt_harmony.errors import UserError

NEEDED = {"constant": {"k": {"audio": 0.5}}}


@pytest.mark.parametrize("name", [*RULES, *PRESETS])
def test_every_rule_is_made_by_its_name(name: str) -> None:
    rule = make_rule(name, NEEDED.get(name, {}))
    assert isinstance(rule, RULES.get(name, object))
    rule.load_state_dict(rule.state_dict())


def test_what_stops_where() -> None:
    assert not make_rule("none", {}).unimodal
    assert make_rule("multiloss", {}).weights(("audio",)) == {"fused": 1, "audio": 1}
    assert make_rule("none", {}).weights(("audio",)) == {"fused": 1, "audio": 0}
    assert make_rule("dgl", {}).fused_gain == 0 and make_rule("dgl", {}).unimodal_gain == 1


def test_a_constant_is_by_modality() -> None:
    assert Constant({"video": 0.25}).coefficients(evidence([0.1, 0.9])).tolist() == [1, 0.25]
    with pytest.raises(UserError, match="coefficient for sound"):
        Constant({"sound": 2.0}).coefficients(evidence([0.1, 0.9]))


def test_presets_take_options_of_their_own() -> None:
    rule = make_rule("mlb-faithful", {"alpha": 3.0})
    assert (rule.alpha, rule.beta_max) == (3.0, 10.0)  # type: ignore[attr-defined]
    assert PRESETS["mlb-faithful"].balancer["point"] == "grad"


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("mbl", {}, "no rule 'mbl'"),
        ("mlb", {"aplha": 1}, "no option aplha"),
        ("constant", {}, "no value for k"),
        ("multiloss", {"alpha": 1}, "no option alpha"),
    ],
)
def test_unknown_names_are_told(name: str, options: dict[str, float], told: str) -> None:
    with pytest.raises(UserError, match=told):
        make_rule(name, options)
