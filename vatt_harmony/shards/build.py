"""Building shards from a manifest: in parallel, restartable, and the same bytes every time."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console

from vatt_harmony.errors import UserError
from vatt_harmony.media.errors import MediaError
from vatt_harmony.shards.clip import store_clip
from vatt_harmony.shards.exclude import REASON, Exclusion, exclusion, read_drop_list
from vatt_harmony.shards.holdout import hold_out
from vatt_harmony.shards.index import drop_index, index_shard
from vatt_harmony.shards.ledger import (
    ShardStats,
    read_stats,
    stats_path,
    total,
    write_sizes,
    write_stats,
)
from vatt_harmony.shards.manifest import read_manifest
from vatt_harmony.shards.parallel import progress_bar, run_parallel
from vatt_harmony.shards.pieces import cut_long
from vatt_harmony.shards.plan import BuildSettings, ShardPlan, plan_shards, with_keys
from vatt_harmony.shards.sample import SampleError


@dataclass(frozen=True)
class BuildReport:
    """What a build did."""

    total: ShardStats
    shards: int
    kept: int
    """Shards that an earlier build had finished."""


@dataclass(frozen=True)
class _Task:
    plan: ShardPlan
    settings: BuildSettings
    digest: str


def build(
    manifest: Path,
    out: Path,
    settings: BuildSettings | None = None,
    workers: int = 0,
    console: Console | None = None,
    exclude: Path | None = None,
) -> BuildReport:
    """Write the shards of a manifest to `OUT/SPLIT/SOURCE-000000.tar`, with statistics and an index beside each.

    A shard whose rows, settings and media files are unchanged since it was finished is kept; an interrupted build
    goes on where it stopped when it is started again. The series of this manifest's sources belong to the build:
    shards of theirs that it no longer plans are removed. `workers` processes (0: one for each core) write a shard
    each. A clip that cannot be read is counted by its reason and left out, as one that the drop list `exclude` names.

    Raises UserError for a bad manifest or drop list, and when not a single clip could be stored.
    """
    settings = settings or BuildSettings()
    console = console or Console(stderr=True)
    listed = read_drop_list(exclude) if exclude else []
    rows = read_manifest(manifest, lambda told: console.print(told, markup=False), settings.hold_out > 0)
    if settings.hold_out:
        rows = hold_out(rows, settings.hold_out, settings.seed)
    if settings.clip_seconds:
        rows = cut_long(rows, settings.clip_seconds, workers)
    left_out = exclusion(with_keys(rows), listed)
    if left_out.told:
        console.print(left_out.told, markup=False)
    plans = plan_shards(rows, out, settings, left_out.clips)
    folders = sorted({plan.path.parent for plan in plans})
    for folder in folders:
        _make_folder(folder)
    _remove_stale(plans)
    tasks = [_Task(plan, settings, plan.digest(settings)) for plan in plans]
    finished = {task.plan.path: stats for task in tasks if (stats := _finished(task))}
    todo = [task for task in tasks if task.plan.path not in finished]
    accounts = [*finished.values(), _account(left_out, exclude)]
    seen: set[str] = set()
    with progress_bar(console) as progress:
        clips = sum(len(task.plan.clips) for task in tasks)
        bar = progress.add_task("building shards", total=clips)
        progress.advance(bar, clips - sum(len(task.plan.clips) for task in todo))
        for task, stats in run_parallel(_write, todo, workers):
            accounts.append(stats)
            progress.advance(bar, len(task.plan.clips))
            for reason in stats.drops.keys() - seen:
                seen.add(reason)
                progress.console.print(f"dropped, {reason}: {stats.first[reason]}", markup=False)
    for folder in folders:
        write_sizes(folder)
    summed = total(accounts)
    if not summed.samples:
        raise UserError(
            f"None of the {len(rows)} clips of {manifest} could be stored: {_told(summed)}",
            "There is nothing to train on",
            "Mend the first of them and build again",
        )
    return BuildReport(summed, shards=sum(1 for stats in accounts if stats.samples), kept=len(finished))


def _account(left_out: Exclusion, exclude: Path | None) -> ShardStats:
    stats = ShardStats()
    for source, key in sorted(left_out.clips):
        stats.drop(REASON, f"{source}/{key}, named by {exclude}")
    return stats


def _told(stats: ShardStats) -> str:
    return "; ".join(f"{reason} × {count} (first: {stats.first[reason]})" for reason, count in stats.drops.items())


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be made: {error}", "No shards can be written", "Choose another --out"
        ) from error


def _remove_stale(plans: Sequence[ShardPlan]) -> None:
    """Remove shards of an earlier, longer build, which a glob over the series would pick up."""
    planned = {plan.path for plan in plans}
    series = {plan.path.with_name(plan.path.stem[:-7]) for plan in plans}
    for base in series:
        for stats in base.parent.glob(f"{base.name}-" + "[0-9]" * 6 + ".stats.json"):
            shard = stats.with_name(stats.name.removesuffix(".stats.json") + ".tar")
            if shard not in planned:
                _remove(shard)


def _remove(shard: Path) -> None:
    stats_path(shard).unlink(missing_ok=True)  # first: what is left without it counts as unfinished
    drop_index(shard)
    shard.unlink(missing_ok=True)


def _finished(task: _Task) -> ShardStats | None:
    """The account of the shard if it is complete and was made from just these rows, settings and files."""
    stats = read_stats(task.plan.path)
    if stats is None or stats.digest != task.digest:
        return None
    size = task.plan.path.stat().st_size if task.plan.path.exists() else 0
    return stats if stats.bytes == size else None


def _write(task: _Task) -> ShardStats:
    return write_shard(task.plan, task.settings, task.digest)


def write_shard(plan: ShardPlan, settings: BuildSettings, digest: str) -> ShardStats:
    """Write one shard under a temporary name, rename it, index it, and leave its account beside it.

    Returns the account. When none of its clips can be stored there is an account but no tar.
    """
    from webdataset.writer import TarWriter  # here, as it imports torch, which most verbs can do without for long

    _remove(plan.path)
    stats = ShardStats(tool=_tool(), digest=digest)
    temporary = plan.path.with_name(plan.path.name + ".tmp")
    with temporary.open("wb") as file:
        with TarWriter(file, encoder=False, mtime=0, compress=False) as writer:
            for key, row in plan.clips:
                try:
                    clip = store_clip(row, settings)
                except (MediaError, SampleError) as error:
                    stats.drop(error.reason, f"{key}, row {row.number}, {row.path}: {error.detail}")
                    continue
                writer.write({"__key__": key, **clip.members})
                stats.samples += 1
                stats.note(clip.remarks, f"{key}, row {row.number}, {row.path}")
                stats.seconds += clip.seconds
        file.flush()
        os.fsync(file.fileno())
    if stats.samples:
        temporary.replace(plan.path)
        index = index_shard(plan.path)
        stats.bytes, stats.sha256 = index.size, index.digest
    else:
        temporary.unlink()
    stats.seconds = round(stats.seconds, 6)
    write_stats(plan.path, stats)
    return stats


def _tool() -> str:
    try:
        return f"vatt-harmony {version('vatt-harmony')}"
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "vatt-harmony"
