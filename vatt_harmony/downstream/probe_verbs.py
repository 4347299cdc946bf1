"""What `evaluate probe` and `evaluate zeroshot` do once their arguments are read."""

import argparse
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from vatt_harmony.downstream.probe import ProbeResult, Rows, probe, side_by_side
from vatt_harmony.downstream.probe_encode import FeatureKind
from vatt_harmony.downstream.probe_features import read_features
from vatt_harmony.downstream.probe_measures import Measure
from vatt_harmony.downstream.probe_media import Modality
from vatt_harmony.downstream.probe_sets import ProbeSet, published_set
from vatt_harmony.downstream.probe_shards import shard_set
from vatt_harmony.downstream.ranks import usable_device
from vatt_harmony.downstream.windows import Cut
from vatt_harmony.downstream.zeroshot import ZeroshotResult, not_available, zeroshot
from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure, write_figures
from vatt_harmony.model.hf import VattModel
from vatt_harmony.model.loading import load_model
from vatt_harmony.model.processor import VattProcessor

NAMES = {"accuracy": "accuracy", "top5": "top 5", "macro_f1": "macro F1", "mAP": "mAP", "d_prime": "d′"}
SHOWN = ("accuracy", "macro_f1", "mAP")
"""On the screen; --json has all."""


def run_probe(args: argparse.Namespace) -> int:
    """`evaluate probe`: one process; a line for each modality and classifier."""
    model, processor = load_model(args.model, usable_device(args.device))
    modalities: list[Modality] = list(dict.fromkeys(args.modality))
    labelled = _labelled(args, modalities)
    print(f"{args.feature} features, {args.windows} windows at test")
    rows: dict[str, Rows] = {m: _features(args, model, processor, labelled, m, args.feature) for m in modalities}
    if len(modalities) > 1:
        rows["+".join(modalities)] = side_by_side([rows[modality] for modality in modalities])
    results = [
        probe(labelled, given, features, classifier, seed=args.seed, device=model.device)
        for features, given in rows.items()
        if given
        for classifier in dict.fromkeys(args.classifier)
    ]
    if not results:
        raise UserError(
            f"No clip of {labelled.name} has {' or '.join(modalities)} that could be read",
            "There is nothing to probe",
            "See the reasons above; check --root",
        )
    _print([(f"{result.features} {result.classifier}", result.measures, result.items) for result in results])
    if args.json:
        write_figures([figure for result in results for figure in probe_figures(result)], args.json)
    return 0


def run_zeroshot(args: argparse.Namespace) -> int:
    """`evaluate zeroshot`: one process; n/a, with the reason, where no loss has aligned the modality with text."""
    model, processor = load_model(args.model, usable_device(args.device))
    reason = not_available(model, args.modality)
    if reason:
        print(f"zero-shot {args.modality}: n/a, {reason}")
        figures = [Figure(id=f"zeroshot.{args.modality}.accuracy", name=f"zero-shot {args.modality}", value=None)]
    else:
        labelled = _labelled(args, [args.modality])
        rows = _features(args, model, processor, labelled, args.modality, "vt")
        result = zeroshot(model, processor, labelled, rows, args.modality, args.templates, args.seed)
        for name in result.cut_short:
            print(f"the model reads {processor.words} tokens; a sentence of {name!r} is longer and was cut")
        _print([(f"zero-shot {args.modality}", result.measures, result.items)])
        print(f"chance accuracy {result.chance:.4f}")
        figures = zeroshot_figures(result)
    if args.json:
        write_figures(figures, args.json)
    return 0


def probe_figures(result: ProbeResult) -> list[Figure]:
    """Every measure with its interval, and its standard error over folds."""
    return _figures(f"probe.{result.features}.{result.classifier}", result.measures, result.items)


def zeroshot_figures(result: ZeroshotResult) -> list[Figure]:
    """Every measure with its interval, and chance."""
    prefix = f"zeroshot.{result.modality}"
    chance = Figure(id=f"{prefix}.chance", name="accuracy of a random answer", value=result.chance)
    return [*_figures(prefix, result.measures, result.items), chance]


def _figures(prefix: str, measures: dict[str, Measure], items: int) -> list[Figure]:
    told = []
    for name, m in measures.items():
        words = f"{prefix.replace('.', ' ')} {NAMES[name]}"
        told.append(Figure(id=f"{prefix}.{name}", name=words, value=m.value, low=m.low, high=m.high, n=items))
        if m.error is not None:
            told.append(Figure(id=f"{prefix}.{name}_se", name=f"{words}, s.e. over folds", value=m.error))
    return told


def _labelled(args: argparse.Namespace, modalities: list[Modality]) -> ProbeSet:
    """The set, and what its reader must know."""
    if args.root is None:
        labelled = shard_set(args.set, args.test, args.seed)
    else:
        labelled = published_set(
            args.set, args.root, modalities, label=args.label, folds=args.folds, multilabel=args.multilabel
        )
    print(f"{labelled.name}: {len(labelled.clips)} items, {len(labelled.classes)} classes, {len(labelled.folds)} folds")
    for note in labelled.notes:
        print(f"note: {note}")
    for reason, count in sorted(labelled.skipped.items()):
        print(f"{count} items left out, {reason}")
    return labelled


def _features(
    args: argparse.Namespace,
    model: VattModel,
    processor: VattProcessor,
    labelled: ProbeSet,
    modality: Modality,
    kind: FeatureKind,
) -> Rows:
    """Features by key; what could not be read is told."""
    found = read_features(
        model, labelled, modality, kind, Cut.of(processor), windows=args.windows, cache=args.cache,
        progress=lambda done, total: print(f"{modality} features, part {done} of {total}", flush=True),
    )  # fmt: skip
    for reason, count in sorted(found.failures.counts.items()):
        print(f"{modality}: {count} items without features, {reason} (first {found.failures.first[reason]})")
    return found.rows


def _print(lines: Iterable[tuple[str, dict[str, Measure], int]]) -> None:
    """A line each: accuracy with its error over folds and its interval over items, then the other measures."""
    lines = list(lines)
    names = [name for name in SHOWN if any(name in measures for _, measures, _ in lines)]
    table = Table(box=None, pad_edge=False)
    for column in ("", *(NAMES[name] for name in names), "95 % of the first", "items"):
        table.add_column(column, justify="right" if column else "left")
    for title, measures, items in lines:
        first = measures[names[0]]
        table.add_row(title, *(_cell(measures[n]) for n in names), f"{first.low:.3f} … {first.high:.3f}", str(items))
    Console().print(table)


def _cell(measure: Measure) -> str:
    return f"{measure.value:.3f}" + ("" if measure.error is None else f" ± {measure.error:.3f}")
