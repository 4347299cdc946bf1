"""What a demo is made from, and the folder it owns."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from vatt_harmony.config import load_config
from vatt_harmony.engine.config import RunConfig, shipped_file
from vatt_harmony.errors import UserError

RECIPE = "configs/pretrain/demo.yaml"
RUNS = ("harmonized", "plain")


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """The arguments of the verb; the same settings give the same demo."""

    out: Path
    seed: int = 0
    steps: int | None = None
    """Steps of each run; None takes the recipe's."""
    clips: int = 1024
    """Training clips; a quarter of them are held out besides, a quarter of those unseen combinations."""

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise UserError(f"--steps is {self.steps}", "Nothing would be trained", "Give at least 1")
        if not 64 <= self.clips <= 1720:
            raise UserError(
                f"--clips is {self.clips}",
                "The corpus has 432 distinct looks and the runs need whole batches",
                "Give a number from 64 to 1720",
            )

    @property
    def checked(self) -> bool:
        """Whether the floor is asked for: only of the whole demo."""
        return self.steps is None and self.clips == DemoSettings(out=self.out).clips

    @property
    def test(self) -> int:
        """Held-out clips."""
        return self.clips // 4

    @property
    def unseen(self) -> int:
        """Held-out clips whose combination of attributes is never trained on."""
        return self.test // 4

    @property
    def corpus(self) -> Path:
        """Media files, manifest and truth."""
        return self.out / "corpus"

    @property
    def shards(self) -> Path:
        """Shards by split."""
        return self.out / "shards"

    @property
    def encoder(self) -> Path:
        """The exported encoder."""
        return self.out / "encoder"

    @property
    def finetuning(self) -> Path:
        """Runs of the fine-tune, and the table of its clips."""
        return self.out / "finetuning"

    @property
    def alignment(self) -> Path:
        """Films, aligner, and the page of its alignments."""
        return self.out / "alignment"

    def overrides(self, run: str) -> list[str]:
        """What the run named `run` changes in the recipe, as arguments of `pretrain`."""
        values = {"data.sources.demo.shards": str(self.shards / "train"), "seed": str(self.seed)}
        if self.steps is not None:
            values |= {"engine.steps": str(self.steps), "engine.log_every": "1"}
        if run == "plain":
            values |= {"harmony.enabled": "false", "harmony.ledger.enabled": "false"}
        return [part for key, value in values.items() for part in (f"--{key}", value)]

    def config(self, run: str) -> RunConfig:
        """The resolved configuration of a run."""
        return load_config(RunConfig, shipped_file(RECIPE), self.overrides(run))

    def claim(self) -> None:
        """Make the folder, or recognise it as that of an earlier start with the same settings.

        Raises UserError when it belongs to anything else.
        """
        recipe = hashlib.sha256(shipped_file(RECIPE).read_bytes()).hexdigest()[:16]
        identity = {"version": 1, "seed": self.seed, "steps": self.steps, "clips": self.clips, "recipe": recipe}
        mark = self.out / "demo.json"
        if mark.is_file() and json.loads(mark.read_text()) == identity:
            return
        if self.out.exists() and any(self.out.iterdir()):
            raise UserError(
                f"{self.out} is not empty and does not belong to a demo of these settings",
                "Runs of different settings would be mixed",
                "Give another folder with --out, or remove this one",
            )
        self.out.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps(identity))
