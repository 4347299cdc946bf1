"""The runs of the study on GRID films, in the order in which they are made; why: docs/alignment/protocol-grid.md."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vatt_harmony.align.config import AlignConfig, DecodeConfig, NetworkConfig, OptimConfig, TrainConfig
from vatt_harmony.scale.align_study.grid_folds import Amounts
from vatt_harmony.scale.align_study.grid_parts import FOLDS
from vatt_harmony.scale.align_study.grid_sequences import SHOWN, Shown

AMOUNTS = Amounts(length=8)
"""The difficulty: chosen on validation films so that the best baseline scores 40 to 80."""
SEEDS = (1, 2, 3)
"""Of every trained arm and fold."""
PUBLISHED, WINDOW, POSITIONS = "NeuMATCH", "NeuMATCH + window", "positions alone"
NO_WINDOW = "NeuMATCH + window, without the window"
"""What of the lead is due to training on own actions, dropout and the beam; with picture and sound only."""

_PRESET = AlignConfig(
    network=NetworkConfig(width=64),
    optim=OptimConfig(name="lars", lr=7.0, patience=2),
    train=TrainConfig(epochs=20, batch=32, validate_every=2),
)
"""The preset rp-lars-sbn at a width that fits 80 clips."""

_OURS = replace(
    _PRESET,
    network=replace(_PRESET.network, window=3, dropout=0.3),
    train=replace(_PRESET.train, rollin=0.5),
    decode=DecodeConfig(method="beam"),
)

ARMS: Mapping[str, AlignConfig] = {
    PUBLISHED: _PRESET,
    WINDOW: _OURS,
    NO_WINDOW: replace(_OURS, network=replace(_OURS.network, window=0)),
    POSITIONS: replace(_PRESET, network=replace(_PRESET.network, content=False)),
}
"""Trained arms."""
BASELINES = "baselines"
"""The job that tunes and tests all rows that are not trained."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run, a line of the records."""

    arm: str
    shown: Shown
    fold: int
    seed: int = 0


def jobs() -> list[Job]:
    """All runs, those of the goal first."""
    trained = [(arm, shown) for shown in reversed(SHOWN) for arm in (PUBLISHED, WINDOW)]
    trained.append((POSITIONS, SHOWN[0]))  # they see nothing
    trained.append((NO_WINDOW, SHOWN[-1]))
    return [
        *(
            Job(arm=arm, shown=shown, fold=fold, seed=seed)
            for arm, shown in trained
            for seed in SEEDS
            for fold in range(FOLDS)
        ),
        *(Job(arm=BASELINES, shown=shown, fold=fold) for shown in SHOWN for fold in range(FOLDS)),
    ]
