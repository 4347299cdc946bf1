"""Options of the conflict ledger: how what it knows of a sample changes how often the sample is drawn."""

from dataclasses import dataclass
from typing import Literal, get_args

Standing = Literal["both", "conflict", "loss"]

LOWEST_P_MIN = 0.2


@dataclass(frozen=True, kw_only=True)
class LedgerConfig:
    """Curriculum sampling: samples known to disagree, with themselves or with the model, are drawn less often.

    The ledger itself is kept in every harmonized run; these options say what the stream makes of it.
    """

    enabled: bool = False
    """Draw samples by the ledger; false: every sample of a source comes once an epoch."""
    refresh: int = 1000
    """Steps between two tables of draws. A table made after step n * refresh is in force from step (n + 1) * refresh
    on, so that batches can be prepared ahead."""
    p_min: float = LOWEST_P_MIN
    """How often a sample of lowest rank is drawn, against one of high rank, within [0.2, 1]: what is drawn more
    rarely could hardly show that it has recovered."""
    score: Standing = "both"
    """What samples of a source are ranked by: `conflict`, the average percentile of the cosine in its global batch;
    `loss`, that of the summed losses, large ones last; `both`, the sum of the two."""
    ramp: tuple[float, float] = (0.2, 0.4)
    """Rank of a sample in its source, 0 for the lowest to 1, up to which p_min holds, and from which on a sample is
    drawn fully; in between it is drawn in proportion."""
    n_min: int = 3
    """Visits before which a sample counts as one in the middle of its source: neutral."""
    decay: int = 50_000
    """Steps without a visit in which half of what is known of a sample is forgotten (towards neutral)."""

    def __post_init__(self) -> None:
        for name in ("refresh", "n_min", "decay"):
            if getattr(self, name) < 1:
                raise ValueError(f"ledger.{name} is {getattr(self, name)}, allowed is >= 1")
        if not LOWEST_P_MIN <= self.p_min <= 1.0:
            raise ValueError(f"ledger.p_min is {self.p_min}, allowed is {LOWEST_P_MIN} to 1")
        if self.score not in get_args(Standing):
            raise ValueError(f"ledger.score is {self.score!r}, allowed are {', '.join(get_args(Standing))}")
        if len(self.ramp) != 2 or not 0.0 <= self.ramp[0] < self.ramp[1] <= 1.0:
            raise ValueError(f"ledger.ramp is {list(self.ramp)}, allowed are two numbers, 0 <= low < high <= 1")
