"""What the conflict ledger says about how often a sample should be drawn."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from vatt_harmony.harmony.ledger_config import LedgerConfig, Standing

MIDDLE = 0.5
"""Rank of a sample of which nothing is known."""


def ranks(pct_ema: NDArray[np.floating], ease_ema: NDArray[np.floating], score: Standing) -> NDArray[np.float64]:
    """Rank of each of N samples among all, from 0 for the lowest score to 1; equal ones share theirs. `[N]`

    pct_ema, ease_ema: the ledger's average percentiles of a sample's cosine and of its (small) losses `[N]`. Averages
    of many visits all lie near the middle; their ranks do not, whatever the number of visits. NaN keeps NaN.
    """
    value = {"conflict": pct_ema, "loss": ease_ema, "both": pct_ema + ease_ema}[score]
    order = rankdata(value, nan_policy="omit")
    return np.asarray((order - 1) / max(1, np.isfinite(value).sum() - 1), dtype=np.float64)


def draw_weights(
    n_obs: NDArray[np.integer], last_step: NDArray[np.integer], rank: NDArray[np.floating], config: LedgerConfig,
    step: int,
) -> NDArray[np.float64]:  # fmt: skip
    """How often each of N samples is drawn after `step` steps, relative to 1 for one of high rank; `[N]`, >= p_min.

    n_obs: visits `[N]`, 0 for a sample that the ledger does not hold; last_step: the last of them `[N]`; rank: as from
    `ranks` `[N]`, within [0, 1].

    p = p_min + (1 - p_min) h(rank), where h rises linearly from 0 to 1 over `ramp`. With fewer than n_min visits the
    rank counts as the middle; without further visits it returns there, by half in `decay` steps.
    """
    age = np.maximum(step - last_step, 0)
    trust = np.where(n_obs >= config.n_min, np.exp2(-age / config.decay), 0.0)
    trusted = MIDDLE + np.where(trust > 0, trust * (rank - MIDDLE), 0.0)
    low, high = config.ramp
    rise = np.clip((trusted - low) / (high - low), 0.0, 1.0)
    return np.asarray(config.p_min + (1 - config.p_min) * rise, dtype=np.float64)


def distribution(weights: NDArray[np.float64]) -> dict[str, float]:
    """How far draws by `weights` `[N]` are from equal ones: share of samples that count, and extreme rates of draws.

    effective_share is (sum w)² / (N sum w²), 1 for equal weights; the rates are relative to equal draws.
    """
    rate = weights / weights.mean()
    return {
        "effective_share": float(1 / np.square(rate).mean()),
        "lowest_rate": float(rate.min()),
        "highest_rate": float(rate.max()),
    }
