"""What the corpus knows about its own clips."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One clip of the corpus."""

    path: Path
    captions: tuple[str, ...]
    fault: str
    """"" for a clean clip."""
    unseen: bool
    """Held out, with a combination of attributes that never occurs in training."""
    form: str = ""
    """Its shape, which is seen as an outline and heard as a timbre."""


def read_truth(corpus: Path) -> dict[str, Clip]:
    """The corpus in folder `corpus`, by video id."""
    with (corpus / "truth.jsonl").open() as file:
        facts = {fact["video_id"]: fact for fact in map(json.loads, file)}
    with (corpus / "manifest.csv").open(newline="") as file:
        return {
            row["video_id"]: Clip(
                path=corpus / row["path"],
                captions=tuple(json.loads(row["captions"])),
                fault=facts[row["video_id"]]["fault"],
                unseen=facts[row["video_id"]]["unseen"],
                form=facts[row["video_id"]]["form"],
            )
            for row in csv.DictReader(file)
        }


def video_id(key: str) -> str:
    """The corpus' name of a sample key `source/KEY`."""
    return key.rpartition("/")[2]
