"""The conflict ledger: what all visits of a sample say about its losses' agreement, one row a sample.

An Arrow table sorted by source and number, some 60 bytes a sample, with the columns

source, number   data set of the mixture and place in it: what tells samples apart, even where their keys clash
key              `source/KEY`, for people
n_obs, last_step visits with a cosine, and the step of the last one
cos_last         the cosine then; comparable within one signal only
cos_mean         its mean over the visits
pct_ema          average percentile of the cosine in its global batch, within (0, 1), free of the signal's scale and
                 drift: the mean of the first `MEMORY` visits, exponential from then on
ease_ema         the same of minus the sum of the sample's losses
log_norm_ratio   mean of log(|g_2| / |g_1|) of the first two losses' gradients
loss_PAIR        mean over the visits; null where the sample lacks the pair
n_dropped        visits that the curriculum left out

Means weigh all visits alike, since one alone tells little; the percentiles steer what is drawn, so they forget.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vatt_harmony.errors import UserError

VERSION = "1"
MEMORY = 16
_NUMBER_BITS = 40
_COUNTS = ("n_obs", "last_step", "n_dropped")
_PERCENTILES = ("pct_ema", "ease_ema")

Column = NDArray[Any]
Numbers = NDArray[np.int64]


def observe(ledger: pa.Table | None, visits: pa.Table) -> pa.Table:
    """The ledger (None = empty) after `visits`, which are later than all it holds; a row a sample and step.

    Columns of visits: position (in the run's sequence), step, source, number, key, cosine, kept, and where there are
    such log_norm_ratio and loss_PAIR. Rows may come in any order, so merging ranks is putting their rows together, but
    all rows of a step must be there: percentiles are taken among its cosines. Rows without a cosine are passed over.
    How the visits are cut into calls does not matter, to the bit.
    """
    visits = visits.filter(pc.fill_null(pc.is_finite(visits["cosine"]), False)).sort_by("position").combine_chunks()
    names = sorted(
        {n for table in (ledger, visits) if table is not None for n in table.column_names if n.startswith("loss_")}
    )
    schema = _schema(names)
    rows, row_of = _join(schema.empty_table() if ledger is None else ledger, visits, schema)
    columns = {name: _numpy(rows, name) for name in schema.names if name not in ("source", "number", "key")}
    seen = {name: _numpy(visits, name) for name in ("log_norm_ratio", *names)}
    seen |= {"cos_last": _numpy(visits, "cosine"), "step": visits["step"].to_numpy(), "kept": _numpy(visits, "kept")}
    seen["pct_ema"] = percentiles(seen["step"], seen["cos_last"])
    losses = np.nansum([seen[name] for name in names], axis=0) if names else np.zeros(len(visits))
    seen["ease_ema"] = percentiles(seen["step"], -losses)
    for visit in _rounds(row_of):
        _take(columns, row_of[visit], {name: values[visit] for name, values in seen.items()})
    arrays = {
        name: pa.array(values, schema.field(name).type, mask=~np.isfinite(values)) for name, values in columns.items()
    }
    return pa.table([arrays.get(name, rows[name]) for name in schema.names], schema=schema)


def percentiles(step: NDArray[np.integer], value: NDArray[np.floating]) -> NDArray[np.float64]:
    """Percentile rank of each value `[V]` among those of its step, within (0, 1); equal values share theirs."""
    order = np.lexsort((value, step))
    step, value = step[order], value[order]
    begins = np.diff(step, prepend=-1) != 0
    first, size = _runs(begins)
    tie, ties = _runs(begins | (np.diff(value, prepend=np.nan) != 0))
    ranks = np.empty(len(order))
    ranks[order] = (tie - first + ties / 2) / size
    return ranks


def write_ledger(path: Path, ledger: pa.Table, facts: Mapping[str, str]) -> None:
    """Write a ledger in one move; `facts` (signal, rule, step) become its metadata."""
    part = path.with_name(path.name + ".part")
    pq.write_table(ledger.replace_schema_metadata({"version": VERSION, **facts}), part, compression="zstd")
    part.replace(path)


def load_ledger(path: Path) -> tuple[pa.Table, dict[str, str]]:
    """The ledger that `write_ledger` wrote, and its facts; raises UserError for a missing, damaged or foreign file."""
    try:
        ledger = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise UserError(
            f"{path} cannot be read as a conflict ledger ({error})", "Nothing is known of its samples", "Restore it"
        ) from error
    facts = {key.decode(): value.decode() for key, value in (ledger.schema.metadata or {}).items()}
    if facts.get("version") != VERSION:
        raise UserError(
            f"{path} has format version {facts.get('version')}; this library reads version {VERSION}",
            "Nothing is known of its samples",
            "Use the library version that wrote it",
        )
    return ledger, facts


def _schema(losses: Sequence[str]) -> pa.Schema:
    values = ("cos_last", "cos_mean", *_PERCENTILES, "log_norm_ratio", *losses)
    return pa.schema([
        ("source", pa.dictionary(pa.int32(), pa.string())), ("number", pa.int64()), ("key", pa.string()),
        ("n_obs", pa.int32()), ("last_step", pa.int32()), *((name, pa.float32()) for name in values),
        ("n_dropped", pa.int32()),
    ])  # fmt: skip


def _join(ledger: pa.Table, visits: pa.Table, schema: pa.Schema) -> tuple[pa.Table, Numbers]:
    """The ledger with rows for samples it has not held, nothing in them yet; and the row of each visit."""
    parts = [_cast(table.select([n for n in schema.names if n in table.column_names]), schema)
             for table in (ledger, visits.select(["source", "number", "key"]))]  # fmt: skip
    both = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    source = both["source"].combine_chunks()
    # By name, not by which was met first: that could depend on how the visits were cut.
    alphabetical = np.argsort(np.argsort(source.dictionary.to_pylist()))
    identity = (alphabetical[source.indices.to_numpy()].astype(np.int64) << _NUMBER_BITS) | both["number"].to_numpy()
    _, first, row = np.unique(identity, return_index=True, return_inverse=True)
    return both.take(pa.array(first)), row[len(ledger) :]


def _cast(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of `schema`, those that a table lacks as nulls."""
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _numpy(table: pa.Table, name: str) -> Column:
    """A column as a new array: counts as int32, 0 for null; values as float32, NaN for null and infinity."""
    if name not in table.column_names:
        return np.full(len(table), np.nan, np.float32)
    if name in _COUNTS:
        return np.asarray(table[name].fill_null(0).to_numpy()).astype(np.int32)
    values = np.array(table[name].cast(pa.float32()).to_numpy(zero_copy_only=False))
    return np.where(np.isfinite(values), values, np.float32(np.nan))


def _rounds(rows: Numbers) -> Iterable[Numbers]:
    """The visits `[V]` in rounds: first all first visits of a row, then all second ones, …"""
    if not len(rows):
        return []
    order = np.argsort(rows, kind="stable")
    first, _ = _runs(np.diff(rows[order], prepend=-1) != 0)
    nth = np.arange(len(order)) - first
    return np.split(order[np.argsort(nth, kind="stable")], np.cumsum(np.bincount(nth))[:-1])


def _take(columns: dict[str, Column], row: Numbers, seen: Mapping[str, Column]) -> None:
    """Put one visit each of the rows `row` into the columns; float32 after every visit, so that cuts do not matter."""
    columns["n_obs"][row] += 1
    columns["n_dropped"][row] += seen["kept"] == 0
    columns["last_step"][row], columns["cos_last"][row] = seen["step"], seen["cos_last"]
    visits = columns["n_obs"][row]
    means = {name: seen[name] for name in columns if name in seen and name not in (*_COUNTS, "cos_last")}
    for name, now in (means | {"cos_mean": seen["cos_last"]}).items():
        before = columns[name][row].astype(np.float64)
        most = np.minimum(visits, MEMORY) if name in _PERCENTILES else visits
        after = np.where(np.isnan(before), now, before + (now - before) / most)
        columns[name][row] = np.where(np.isnan(now), before, after)


def _runs(begins: NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """Start and length of the run that each entry belongs to, from where runs begin."""
    starts = np.flatnonzero(begins)
    run = np.cumsum(begins) - 1
    return starts[run], np.diff(starts, append=len(begins))[run]
