"""The arms of the study: how training uses, or is controlled for, what it knows of each clip."""

from dataclasses import dataclass
from typing import Literal

Draw = Literal["equal", "conflict", "loss", "both", "oracle"]
Drop = Literal["none", "conflict", "loss", "random"]


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to train; all arms take the same number of equally large steps."""

    rule: Literal["sum", "pcgrad"] = "sum"
    """Realignment of each clip's gradients; `sum` leaves them as they are."""
    drop: Drop = "none"
    """Curriculum: by what the clips of a batch are ordered before the lowest are left out of the step."""
    draw: Draw = "equal"
    """Ledger sampling: by what clips are drawn less often; `oracle` knows the faults and never draws wrong ones."""
    permuted: bool = False
    """Control: every clip gets the draw weight, every row of a batch the realignment, of another one."""
    signal: Literal["last_linear", "representation"] = "last_linear"
    branches: Literal["all", "video"] = "all"
    optimizer: Literal["adamw", "sgd"] = "adamw"


ARMS: dict[str, Arm] = {
    "plain": Arm(),
    "harmonized": Arm(rule="pcgrad", draw="both"),
    "harmonized, permuted": Arm(rule="pcgrad", draw="both", permuted=True),
    "realign": Arm(rule="pcgrad"),
    "realign, permuted": Arm(rule="pcgrad", permuted=True),
    "curriculum": Arm(drop="conflict"),
    "drop by loss": Arm(drop="loss"),
    "drop at random": Arm(drop="random"),
    "realign + curriculum": Arm(rule="pcgrad", drop="conflict"),
    "ledger": Arm(draw="both"),
    "ledger, permuted": Arm(draw="both", permuted=True),
    "ledger by conflict": Arm(draw="conflict"),
    "ledger by loss": Arm(draw="loss"),
    "realign + ledger by conflict": Arm(rule="pcgrad", draw="conflict"),
    "realign + ledger by loss": Arm(rule="pcgrad", draw="loss"),
    "oracle": Arm(draw="oracle"),
    "realign, video": Arm(rule="pcgrad", branches="video"),
    "realign, representation": Arm(rule="pcgrad", signal="representation"),
    "harmonized, video": Arm(rule="pcgrad", draw="both", branches="video"),
    "plain, SGD": Arm(optimizer="sgd"),
    "realign, SGD": Arm(rule="pcgrad", optimizer="sgd"),
}
"""Name -> arm; docs/study.md says which of them answers what."""
