"""`align evaluate`: one table of trained aligners and every baseline, with intervals over films."""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from vatt_harmony.align.comparison import Comparison, chosen_names, comparison
from vatt_harmony.align.couples import couples, pairs_of_couples
from vatt_harmony.align.decode import predict_all
from vatt_harmony.align.htm import similarity_figures
from vatt_harmony.align.lead import lead_figures, lead_told, least_sure_lead
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.published import print_published
from vatt_harmony.align.remarks import remarks_on
from vatt_harmony.align.sequence import ABOUT, AlignmentSequence, Owners, owners_of, read_about
from vatt_harmony.align.table import table_of
from vatt_harmony.align.table_report import print_table, table_figures
from vatt_harmony.align.trained import decoding, load_aligner, read_split, split_folder
from vatt_harmony.align.truth import truth_of
from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure, write_figures


def evaluate_verb(options: argparse.Namespace) -> int:
    """Print the table of a split and what it leaves out; 0. Raises UserError for lack of data, model or truth."""
    console, names = Console(), chosen_names(options.baselines)
    if not names and not options.model:
        raise UserError("There is neither --model nor a baseline", "The table would be empty", "Give one of the two")
    whole = read_split(options.data, options.split)
    sequences = [couple for sequence in whole for couple in couples(sequence)]
    for sequence in sequences:
        truth_of(sequence)  # Complains before anything takes time.
    with console.status("aligning") as status:
        found = _trained(options, whole)
        trained = list(found)
        reference = next(iter(trained), None)
        rows = comparison(sequences, _validation(options.data), names, options.select, status.update)
        for name, method in rows.methods.items():
            status.update(name)
            found[name] = [method(sequence) for sequence in sequences]
    table, similarity = table_of(found, sequences), similarity_figures(sequences)
    lead = None if reference is None else least_sure_lead(table, reference)
    print_table(table, reference, console)
    remarks = remarks_on(found, sequences, options.split, trained)
    for line in [*lead_told(lead), *remarks, *_told(similarity), *_notes(rows, options.select, options.split)]:
        console.print(line, highlight=False, soft_wrap=True)
    if _is_yms(split_folder(options.data, options.split)):
        print_published(console)
    if options.json:
        write_figures([*table_figures(table, reference), *lead_figures(lead), *similarity], options.json)
    return 0


def _trained(options: argparse.Namespace, sequences: Sequence[AlignmentSequence]) -> dict[str, list[Owners]]:
    """Name of each aligner -> the owners of each couple of streams."""
    models = [(path, load_aligner(path, options.device)) for path in options.model]
    names = [_name(model) for _, model in models]
    counts = Counter(names)
    found = {}
    for name, (path, model) in zip(names, models, strict=True):
        predictions = predict_all(model, sequences, decoding(path, options.method, options.beam))
        found[name if counts[name] == 1 else f"{name}, {path}"] = [
            owners_of(pairs, len(couple.clips))
            for sequence, prediction in zip(sequences, predictions, strict=True)
            for couple, pairs in zip(couples(sequence), pairs_of_couples(prediction.pairs), strict=True)
        ]
    return found


def _name(model: NeuMatch) -> str:
    """What the network sees and keeps, as far as it is not as published."""
    parts = [] if model.config.content else ["positions alone"]
    parts += [f"window {model.config.window}"] if model.config.window else []
    parts += [] if model.config.history else ["no history"]
    return ", ".join(["NeuMATCH", *parts])


def _validation(data: Path) -> list[AlignmentSequence]:
    """The validation split; none where the folder has no splits or not this one."""
    if (data / ABOUT).is_file() or not (data / "val" / ABOUT).is_file():
        return []
    return [couple for sequence in read_split(data, "val") for couple in couples(sequence)]


def _told(similarity: Sequence[Figure]) -> list[str]:
    return [f"{figure.name}: {figure.value:.1f} % of {figure.n} sentences" for figure in similarity]


def _notes(rows: Comparison, select: str, split: str) -> list[str]:
    told = [f"{name}: {parameters}" for name, parameters in rows.parameters().items() if parameters]
    shown = ", whose films are shown here: they are too good" if split == "val" else ""
    notes = [f"tuned on val by {select}{shown}: {'; '.join(told)}"] if told else []
    reasons: dict[str, list[str]] = {}
    for name, reason in rows.left_out.items():
        reasons.setdefault(reason, []).append(name)
    return [*notes, *(f"left out, {reason}: {'; '.join(names)}" for reason, names in reasons.items())]


def _is_yms(folder: Path) -> bool:
    options = read_about(folder)["features"].get("options", {})
    return bool(options.get("kind") == "yms")
