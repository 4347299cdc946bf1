"""What a rule may depend on besides the Gram matrix."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class RuleOptions:
    """Options of the rules that have any."""

    conflict_aversion: float = 0.5
    """`cagrad`: how far the update may lie from the mean gradient, as a share of its norm; 0 to 1."""
    target: Tensor | None = None
    """`gradvac`: target cosine of every two losses `[M, M]`, from `gradvac_target`; None = 0 for all."""


DEFAULTS = RuleOptions()


class Rule(Protocol):
    """(gram `[B, M, M]`, active bool `[B, M]`, options) -> weights `[B, M]`."""

    def __call__(self, gram: Tensor, active: Tensor, options: RuleOptions = ..., /) -> Tensor: ...
