"""A finished study as a few files: its records, its tables and its plots."""

from pathlib import Path

from vatt_harmony.scale.study.detect import Detection, detect
from vatt_harmony.scale.study.plots import draw
from vatt_harmony.scale.study.protocol import LEVEL, LEVELS, SIGNAL_ARMS
from vatt_harmony.scale.study.records import (
    Record,
    read_clips,
    read_grid,
    read_records,
    write_grid,
    write_table,
)
from vatt_harmony.scale.study.tables import (
    areas_table,
    comparisons,
    growth_table,
    level_table,
    meanings_table,
    primary,
)

TABLES = "tables.md"


def publish(records: Path, out: Path) -> None:
    """Write records.jsonl, clips.npz, grid.json, tables.md and three plots into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    found, (columns, faults) = read_records(records), read_clips(records)
    write_table(out, found, columns, faults)
    detections = {"hard": detect(columns, faults, ("hard",)), "all others": detect(columns, faults, ("hard", ""))}
    signals = {}
    for arm in ("realign", *SIGNAL_ARMS):
        clips = read_clips(records, arm)
        signals[f"hard, measured by {arm}"] = detect(*clips, ("hard",))
        signals[f"all others, measured by {arm}"] = detect(*clips, ("hard", ""))
    grid = read_grid(records)
    if grid is not None:
        write_grid(out, grid)
    (out / TABLES).write_text(_tables(found, detections, signals, grid))
    draw(records, out, detections)


def _tables(
    records: list[Record], detections: dict[str, Detection], signals: dict[str, Detection], grid: Detection | None
) -> str:
    endpoint = primary(records)
    parts = ["# Tables of the conflict study", "", "Mean ± standard error over seeds; p by sign flips, two-sided."]
    parts += ["", "## Primary endpoint", ""]
    for control, result in endpoint.against.items():
        parts.append(
            f"- harmonized minus {control}: {result.difference} (95 % {result.low:+.3f} … {result.high:+.3f}), "
            f"p {result.p_flip:.4f} by sign flips, {endpoint.adjusted[control]:.4f} after Holm; {result.p_t:.4f} by t"
        )
    for share in (LEVEL, *sorted(LEVELS)):
        parts += ["", f"## {100 * share:.0f} % of the clips struck", "", level_table(records, share)]
    parts += ["", "## Comparisons, without correction", "", comparisons(records)]
    parts += ["", "## Growing data", "", growth_table(records), "", "## Cosines", "", meanings_table(records)]
    parts += ["", "## Faults found", "", areas_table(detections)]
    if grid is not None:
        parts += ["", "## GRID, 30 % swapped sentences", "", areas_table({"all others": grid})]
    parts += ["", "## Signals", "", areas_table(signals)]
    return "\n".join(parts) + "\n"
