"""What a `Harmonizer` is given, checked where it enters; each raises UserError."""

from collections.abc import Collection, Mapping, Sequence

from torch import Tensor

from vatt_harmony.errors import UserError
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.harmony.signals import SIGNALS


def check_config(config: HarmonyConfig) -> None:
    """Options that a model's outputs are enough for."""
    curriculum = config.curriculum
    needs = {
        f"signal {config.signal}": config.signal not in SIGNALS,
        f"curriculum.score {curriculum.score}": curriculum.kind != "none" and curriculum.score != "conflict",
        "ledger.enabled": config.ledger.enabled,
        "curriculum.drop vt_only": curriculum.drop == "vt_only",
        "branches video": config.branches == "video",
        "balance.enabled": config.balance.enabled,
        "enabled false": not config.enabled,
    }
    refused = [option for option, is_set in needs.items() if is_set]
    if refused:
        raise UserError(
            f"A Harmonizer does not know {', '.join(refused)}",
            "It sees the outputs of a model, not the model, and is not made where it is not wanted",
            f"Use one of the signals {', '.join(SIGNALS)}, score conflict (others: hand over `scores`), no balance and "
            "no ledger, all branches, drop both; rule sum for plain training",
        )


def check_towers(towers: Sequence[Sequence[str]], names: Collection[str]) -> None:
    """Names that z has, each in one tower."""
    stated = [name for tower in towers for name in tower]
    wrong = [name for name in stated if name not in names or stated.count(name) > 1]
    if wrong:
        raise UserError(
            f"`towers` names {sorted(set(wrong))}; z has {list(names)}, and each belongs to one tower",
            "Gradients of other weights would be compared than those that are trained",
            "Name in `towers` what z has, once",
        )


def check_masks(valid: Mapping[str, Tensor], losses: Collection[str]) -> None:
    """Masks of losses that exist."""
    unknown = [loss for loss in valid if loss not in losses]
    if unknown:
        raise UserError(
            f"`valid` names {unknown}, the losses are {list(losses)}",
            "Samples without a loss would be compared as if they had it",
            "Name in `valid` what `losses` returns",
        )


def check_rows(rows: Mapping[str, Tensor], trained: Sequence[str]) -> int:
    """Number of rows of this rank: the same in every tensor of `rows`, whose `trained` ones are named z/NAME."""
    shapes = {name: list(x.shape) for name, x in rows.items()}
    counts = {shape[0] if shape else None for shape in shapes.values()}
    flat = [name for name in trained if len(shapes[f"z/{name}"]) not in (2, 3)]
    if len(counts) != 1 or None in counts or flat or not trained:
        raise UserError(
            f"The shapes {shapes} do not fit, or nothing of z is trained (trained: {list(trained)})",
            "Rows of different samples would be compared",
            "Give z as [b, D] or [b, K, D] with graph, and every mask and label with the same b",
        )
    return counts.pop() or 0
