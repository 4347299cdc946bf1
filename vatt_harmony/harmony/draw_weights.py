"""What the conflict ledger says about how often a sample should be drawn."""

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.harmony.ledger_config import LedgerConfig

MIDDLE = 0.5
"""Average percentile of a sample of which nothing is known."""


def draw_weights(
    n_obs: NDArray[np.integer], last_step: NDArray[np.integer], pct_ema: NDArray[np.floating], config: LedgerConfig,
    step: int,
) -> NDArray[np.float64]:  # fmt: skip
    """How often each of N samples is drawn after `step` steps, relative to 1 for one that agrees; `[N]`, >= p_min.

    n_obs: visits `[N]`, 0 for a sample that the ledger does not hold; last_step: the last of them `[N]`; pct_ema:
    average percentile of the cosine in its global batch `[N]`, within [0, 1].

    p = p_min + (1 - p_min) h(percentile), where h rises linearly from 0 to 1 over `ramp`. With fewer than n_min visits
    the percentile counts as the middle; without further visits it returns there, by half in `decay` steps.
    """
    age = np.maximum(step - last_step, 0)
    trust = np.where(n_obs >= config.n_min, np.exp2(-age / config.decay), 0.0)
    percentile = MIDDLE + np.where(trust > 0, trust * (pct_ema - MIDDLE), 0.0)
    low, high = config.ramp
    rise = np.clip((percentile - low) / (high - low), 0.0, 1.0)
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
