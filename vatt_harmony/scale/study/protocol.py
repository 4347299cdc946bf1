"""The runs of the study, in the order in which they are made; docs/study.md says what each is for."""

from collections.abc import Sequence
from dataclasses import dataclass

CLIPS = 1024
"""Training clips, but for the growing data."""
CUDA_CLIPS = 131_072
SEEDS = tuple(range(1, 11))
"""Corpus and training seeds of the one test pass; options were chosen on seeds above 100."""
LEVEL = 0.3
"""Share of struck clips of the primary endpoint."""
LEVELS = (0.5, 0.0, 0.15)
PRIMARY = "harmonized"
CONTROLS = ("plain", "harmonized, permuted")
"""What the primary arm is compared with; Holm over these two."""
AT_LEVEL = (
    "realign",
    "realign, permuted",
    "curriculum",
    "drop by loss",
    "drop at random",
    "realign + curriculum",
    "ledger",
    "ledger, permuted",
    "ledger by conflict",
    "ledger by loss",
    "realign + ledger by conflict",
    "realign + ledger by loss",
    "oracle",
)
AT_LEVELS = (*CONTROLS, PRIMARY, "realign", "curriculum", "ledger")
GROWTH_CLEAN = 256
GROWTH_TIMES = (0, 1, 2, 4)
"""Sizes of the noisy source in multiples of the clean one."""
GROWTH_SHARE = 0.5
GROWTH_SEEDS = SEEDS[:5]
GROWTH_ARMS = ("plain", PRIMARY)
SIGNAL_ARMS = ("realign, video", "realign, representation")
SIGNAL_SEEDS = SEEDS[:4]
SGD_ARMS = ("plain, SGD", "realign, SGD")
CUDA_ARMS = ("plain", "realign", "ledger", PRIMARY)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run."""

    arm: str
    seed: int
    share: float
    """Share of struck clips among those after the first `clean`."""
    clean: int = 0
    train: int
    """Training clips."""

    @property
    def name(self) -> str:
        """Of its record."""
        arm = self.arm.replace(", ", "-").replace(" + ", "+").replace(" ", "_")
        return f"seed{self.seed:02d}_faults{round(100 * self.share):02d}_clean{self.clean}_of{self.train}_{arm}"


Group = tuple[Job, ...]
"""Runs on one corpus."""


def groups(train: int = CLIPS) -> list[Group]:
    """All runs of the study on the CPU, by corpus, the primary endpoint first."""

    def at(share: float, arms: Sequence[str], seeds: Sequence[int] = SEEDS) -> list[Group]:
        return [tuple(Job(arm=arm, seed=seed, share=share, train=train) for arm in arms) for seed in seeds]

    levels = [group for share in LEVELS for group in at(share, AT_LEVELS)]
    growth = [
        tuple(Job(arm=arm, seed=seed, share=GROWTH_SHARE, clean=GROWTH_CLEAN, train=size) for arm in GROWTH_ARMS)
        for seed in GROWTH_SEEDS
        for size in (GROWTH_CLEAN * (1 + times) for times in GROWTH_TIMES)
    ]
    return [
        *at(LEVEL, (CONTROLS[0], PRIMARY, CONTROLS[1])),
        *at(LEVEL, AT_LEVEL),
        *growth,
        *levels,
        *at(LEVEL, SIGNAL_ARMS, SIGNAL_SEEDS),
        *at(LEVEL, SGD_ARMS, SIGNAL_SEEDS),
    ]


def cuda_groups(train: int = CUDA_CLIPS) -> list[Group]:
    """Four arms on one large corpus."""
    return [tuple(Job(arm=arm, seed=1, share=LEVEL, train=train) for arm in CUDA_ARMS)]
