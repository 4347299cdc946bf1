"""Labelled sets from shards: the `label` of each sample's JSON."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vatt_harmony.downstream.probe_sets import LabelledClip, ProbeSet, ShardClip
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.items import Split
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.shards.index import index_shard, open_source
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.shards.sample import SampleError

FOLDS = 5
"""Folds of shards that come without a test part."""
VAL = 0.1
"""Share of the training groups on which C is chosen."""


@dataclass(frozen=True)
class _Labelled:
    key: str
    labels: tuple[str, ...]
    group: str
    media: ShardClip


def shard_set(shards: str, test: str | None, seed: int = 0) -> ProbeSet:
    """The labelled samples of `shards`, tested on those of `test`, or in five folds of whole videos without it.

    `label` is a name or a list of names. Samples of one `video_id` (by default, of one key) stay together.
    Raises UserError where no sample has a label.
    """
    skipped: Counter[str] = Counter()
    trained = _read(shards, skipped)
    tested = _read(test, skipped) if test is not None else []
    labels = sorted({label for clip in [*trained, *tested] for label in clip.labels})
    if not trained or (test is not None and not tested):
        raise UserError(
            f"No sample of {shards if not trained else test} has a label",
            "There is nothing to fit or test",
            'Write "label" into each sample\'s JSON; vatt-harmony shards build takes it from the column label',
        )
    index = {label: number for number, label in enumerate(labels)}
    clips = [
        LabelledClip(
            key=clip.key,
            classes=tuple(index[label] for label in clip.labels),
            sources={"video": clip.media, "audio": clip.media},
        )
        for clip in [*trained, *tested]
    ]
    folds = [_split(trained, tested, seed)] if test is not None else _folds(trained, seed)
    return ProbeSet(name=shards, classes=tuple(labels), clips=tuple(clips), folds=tuple(folds), skipped=skipped)


def _read(spec: str, skipped: Counter[str]) -> list[_Labelled]:
    found, reader = [], ShardReader()
    for path in open_source(spec):
        index = index_shard(path)
        if index.damage:
            skipped["tar damage"] += 1
        for number in range(len(index)):
            try:
                sample = reader.read_words(index, number)
            except SampleError as error:
                skipped[error.reason] += 1
                continue
            labels = _labels(sample.record)
            if not labels:
                skipped["no label"] += 1
                continue
            key = f"{path.name}:{sample.key}"
            group = str(sample.record.get("video_id", key))
            found.append(_Labelled(key, labels, group, ShardClip(path, number)))
    reader.close()
    return found


def _labels(record: Mapping[str, Any]) -> tuple[str, ...]:
    label = record.get("label")
    named = label if isinstance(label, list) else [label]
    return tuple(dict.fromkeys(str(one) for one in named if one not in (None, "")))


def _split(trained: list[_Labelled], tested: list[_Labelled], seed: int) -> dict[str, Split]:
    held = _held_out([clip.group for clip in trained], seed)
    parts: dict[str, Split] = {clip.key: "val" if clip.group in held else "train" for clip in trained}
    return parts | dict.fromkeys((clip.key for clip in tested), "test")


def _folds(clips: list[_Labelled], seed: int) -> list[dict[str, Split]]:
    groups = _shuffled([clip.group for clip in clips], seed)
    if len(groups) < FOLDS:
        raise UserError(
            f"The shards hold {len(groups)} videos, fewer than {FOLDS} folds",
            "A fold would have nothing to test",
            "Give more samples, or a test part with --test",
        )
    place = {group: number % FOLDS for number, group in enumerate(groups)}
    return [
        _split(
            [clip for clip in clips if place[clip.group] != fold],
            [clip for clip in clips if place[clip.group] == fold],
            seed,
        )
        for fold in range(FOLDS)
    ]


def _held_out(groups: list[str], seed: int) -> frozenset[str]:
    order = _shuffled(groups, seed)
    return frozenset(order[: max(1, round(VAL * len(order)))])


def _shuffled(groups: list[str], seed: int) -> list[str]:
    distinct = sorted(set(groups))
    return [distinct[place] for place in keyed_generator(seed, "probe folds").permutation(len(distinct))]
