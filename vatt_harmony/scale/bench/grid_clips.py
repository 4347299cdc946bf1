"""The GRID corpus for rows 01.2 and 01.3: 400 clips of one speaker as five folds of shards."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.bench.suite import NotRun, Options
from vatt_harmony.shards.build import build
from vatt_harmony.shards.plan import BuildSettings

FOLDS = 5
SMALL = BuildSettings(samples_per_shard=16, reencode="always", short_side=32, fps=4.0)
"""What the recipe shows of a clip and no more: decoding is what a run of this size spends its time on."""


@dataclass(frozen=True, kw_only=True)
class Clips:
    """The corpus as five folds of 80 clips in five shards each; every clip is held out once."""

    shards: Path

    @classmethod
    def build(cls, options: Options, work: Path) -> "Clips":
        """Store the clips of the real media under `work`; raises NotRun when there are none."""
        if options.data is None:
            raise NotRun("there are no real media; set VATT_HARMONY_DATA to the folder that holds grid/")
        manifest = work / "grid.jsonl"
        manifest.write_text("".join(json.dumps(row) + "\n" for row in manifest_rows(options.data / "grid")))
        build(manifest, work / "shards", SMALL)
        return cls(shards=work / "shards")

    def held_out(self, fold: int) -> str:
        """The 80 clips of a fold."""
        return str(self.shards / f"fold{fold}")

    def others(self, fold: int) -> str:
        """The 320 clips of the other folds."""
        kept = "".join(str(other) for other in range(FOLDS) if other != fold)
        return str(self.shards / f"fold[{kept}]" / "*.tar")

    def few(self) -> str:
        """64 of the clips outside fold 0."""
        return str(self.shards / "fold1" / "grid-{000000..000003}.tar")


def manifest_rows(grid: Path) -> list[dict[str, str]]:
    """A row for each clip of `grid/sentences.csv`; its split is the fold it was drawn into."""
    with (grid / "sentences.csv").open(newline="") as file:
        clips = list(csv.DictReader(file))
    folds = keyed_generator(0, "folds").permutation(len(clips)) % FOLDS
    return [
        {
            "source": "grid",
            "path": str((grid / clip["path"]).resolve()),
            "video_id": clip["id"],
            "caption": clip["sentence"],
            "split": f"fold{fold}",
        }
        for clip, fold in zip(clips, folds, strict=True)
    ]
