"""The rows of a comparison: what `--compare mlb,mlb@grad,only:audio,ensemble` asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast, get_args

from vatt_harmony.balance.rule import Point
from vatt_harmony.balance.rules import PRESETS, RULES
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import BalanceConfig, FinetuneConfig, FusionConfig

ENSEMBLE, ONLY = "ensemble", "only:"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    name: str
    config: FinetuneConfig | None
    """What is trained; None for the ensemble, which is made of the rows of single modalities."""


def make_rows(config: FinetuneConfig, names: Sequence[str]) -> list[Row]:
    """Rows in the order of `names`, each once; the ensemble's single modalities come before it.

    The recipe's own rule keeps its options, others have their defaults; all have the recipe's window of steps. For
    equal compute none stops early. Raises UserError for a name that is not known, or fewer than two modalities.
    """
    if len(config.data.modalities) < 2:
        raise UserError(
            f"The recipe has {config.data.modalities[0]} alone",
            "There is nothing to balance, nor to compare",
            "Give a recipe with two modalities or more",
        )
    wanted = [name.strip() for name in names]
    if ENSEMBLE in wanted:
        singles = [f"{ONLY}{modality}" for modality in config.data.modalities]
        wanted = [name for name in wanted if name != ENSEMBLE] + [*singles, ENSEMBLE]
    alike = replace(config, train=replace(config.train, patience=0))
    return [Row(name=name, config=_config(alike, name)) for name in dict.fromkeys(wanted)]


def _config(config: FinetuneConfig, name: str) -> FinetuneConfig | None:
    if name == ENSEMBLE:
        return None
    if name.startswith(ONLY):
        return only(config, name.removeprefix(ONLY))
    rule, _, point = name.partition("@")
    if rule not in {*RULES, *PRESETS} or (point and point not in get_args(Point)):
        raise UserError(
            f"--compare names {name!r}",
            "It is no rule, and nothing could be trained",
            f"Give names of {', '.join([*RULES, *PRESETS])}, RULE@lr (or @grad, @loss), "
            f"{', '.join(ONLY + modality for modality in config.data.modalities)}, {ENSEMBLE}",
        )
    options = config.balance.options if rule == config.balance.rule else {}
    balance = replace(config.balance, rule=rule, options=options)
    return replace(config, balance=replace(balance, point=cast(Point, point)) if point else balance)


def only(config: FinetuneConfig, modality: str) -> FinetuneConfig:
    """The same training of one modality alone, with a linear layer on its feature."""
    if modality not in config.data.modalities:
        raise UserError(
            f"--compare names {ONLY}{modality}",
            f"The recipe has {' and '.join(config.data.modalities)}",
            "Name one of them",
        )
    return replace(
        config,
        data=replace(config.data, modalities=(modality,)),
        encoders={modality: config.encoders[modality]},
        fusion=FusionConfig(kind="linear"),
        balance=BalanceConfig(rule="none"),
    )
