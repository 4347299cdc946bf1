"""A finished study as a few files: its records, its tables and its plots."""

import shutil
from pathlib import Path

from vatt_harmony.scale.balance_study.plots import draw
from vatt_harmony.scale.balance_study.records import FILE, read
from vatt_harmony.scale.balance_study.tables import markdown

TABLES = "tables.md"
ABOUT = """# What balancing is worth on small real networks: tables

Percent of the test clips, means over five folds and the seeds; in brackets 95 %, bootstrap over clips and seeds.
Differences are paired by clip and seed, with the same optimiser (Adam: AdamW). A probe is a logistic regression on an
encoder's features; *only* is the accuracy of the fused output when the other modality's features are 0. The value of a
modality is its Shapley value of the accuracy. CPU seconds are of one training, its probes included.
"""


def publish(records: Path, out: Path) -> None:
    """Write records.jsonl, tables.md and the plots of the study in `records` into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    if records.resolve() != out.resolve():
        shutil.copyfile(records / FILE, out / FILE)
    found = read(records)
    (out / TABLES).write_text(f"{ABOUT}\n{markdown(found)}")
    draw(found, out)
