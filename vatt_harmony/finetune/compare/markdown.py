"""The table of a comparison in Markdown."""

import math
from collections.abc import Sequence

from vatt_harmony.finetune.compare.findings import Rows, Sentence, points, reference_of, span, tell
from vatt_harmony.finetune.compare.statistics import paired, same_clips
from vatt_harmony.finetune.train.result import mean_and_error


def markdown(rows: Rows, figure: str, sentence: Sentence, notes: Sequence[str], modalities: Sequence[str]) -> str:
    """The finding, the table and the notes."""
    head, *lines = table(rows, figure, modalities)
    text = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *lines)]
    return "\n\n".join([f"# {sentence}", "\n".join(text), *notes]) + "\n"


def table(rows: Rows, figure: str, modalities: Sequence[str]) -> list[list[str]]:
    """A line of names, then one a row: its figure, minus the reference, of each head, calibration, clips, cost."""
    reference = reference_of(rows)
    lines = [
        [
            "rule",
            f"test {figure}",
            f"minus {reference}",
            *(f"{name} head" for name in modalities),
            "ECE",
            "clips",
            "steps",
        ]
    ]
    for name, records in rows.items():
        difference = paired(records, rows[reference], figure)
        against = "" if name == reference or math.isnan(difference.mean) else points(figure, difference.mean)
        if against and not math.isnan(difference.low):
            against += f" ({span(figure, difference)})"
        if not same_clips(records, rows[reference]):
            against = "other clips"
        cells = [name, with_error(figure, [record.test[figure] for record in records]), against]
        for key in (*(f"{figure}/{modality}" for modality in modalities), "ece"):
            values = [record.test[key] for record in records if key in record.test]
            cells.append(with_error(key.partition("/")[0], values) if values else "")
        lines.append([*cells, counts([record.items for record in records]), f"{records[0].updates:,}"])
    return lines


def counts(items: Sequence[int]) -> str:
    """Test clips of a row; nothing where its records do not know."""
    return " or ".join(f"{count:,}" for count in sorted(set(items)) if count)


def with_error(figure: str, values: Sequence[float]) -> str:
    """Mean ± standard error."""
    mean, error = mean_and_error(values)
    told = tell(figure, mean)
    return told if math.isnan(error) else f"{told.removesuffix(' %')} ± {tell(figure, error)}"
