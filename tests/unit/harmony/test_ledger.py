"""The conflict ledger: averages over visits, independent of ranks, cuts and clashing keys."""

import numpy as np
import pyarrow as pa
import pytest

from vatt_harmony.errors import UserError
from vatt_harmony.harmony.ledger import MEMORY, load_ledger, observe, percentiles, write_ledger

NAN = float("nan")


def visits(steps: int = 30, batch: int = 8, samples: int = 20, seed: int = 0) -> pa.Table:
    """Random visits of two sources whose keys clash; some rows are no pair, some losses are not finite."""
    generator = np.random.default_rng(seed)
    count = steps * batch
    number = generator.integers(0, samples, count)
    loss = generator.normal(3, 1, count).astype(np.float32)
    loss[::17] = np.inf
    cosine = generator.uniform(-1, 1, count).astype(np.float32)
    cosine[::11] = NAN
    return pa.table(
        {
            "position": np.arange(count),
            "step": np.arange(count) // batch + 1,
            "source": generator.choice(["b", "a"], count),
            "number": number,
            "key": [f"made/{n:04d}" for n in number],
            "cosine": cosine,
            "kept": generator.random(count) < 0.8,
            "log_norm_ratio": generator.normal(0, 1, count).astype(np.float32),
            "loss_video_text": loss,
        }
    )


def one(cosines, **columns) -> pa.Table:
    """Visits of one sample, alone in its step each time."""
    count = len(cosines)
    facts = {"position": range(count), "step": range(1, count + 1), "source": ["a"] * count, "number": [7] * count}
    rest = {"key": ["a/x"] * count, "cosine": cosines, "kept": [True] * count}
    return pa.table(facts | rest | columns)


def test_what_it_says_of_a_sample():
    ledger = observe(None, one([0.5, -0.25, 0.0], kept=[True, False, True], loss_video_text=[1.0, None, 4.0]))
    row = ledger.to_pylist()[0]
    assert row == {
        "source": "a", "number": 7, "key": "a/x", "n_obs": 3, "last_step": 3, "cos_last": 0.0,
        "cos_mean": pytest.approx(0.25 / 3), "pct_ema": 0.5, "ease_ema": 0.5, "log_norm_ratio": None,
        "n_dropped": 1,
        "loss_video_text": pytest.approx(2.0),
    }  # fmt: skip


def test_large_losses_stand_low():
    visits = pa.table(
        {
            "position": range(3), "step": [1] * 3, "source": ["a"] * 3, "number": range(3),
            "key": ["a/x", "a/y", "a/z"],
            "cosine": [0.1, 0.2, 0.3], "kept": [True] * 3,
            "loss_video_audio": [1.0, 2.0, 1.0], "loss_video_text": [5.0, None, 0.5],
        }
    )  # fmt: skip
    assert observe(None, visits)["ease_ema"].to_pylist() == pytest.approx([1 / 6, 1 / 2, 5 / 6])


def test_the_percentile_forgets_and_the_mean_does_not():
    batch = 100 * [1.0]
    low, high = [[-1.0, *batch]] * 40, [[2.0, *batch]] * 40
    rows = [cosine for step in (*low, *high) for cosine in step]
    number = [0, *range(1, 101)] * 80
    table = pa.table(
        {
            "position": range(len(rows)), "step": np.repeat(np.arange(80), 101), "source": ["a"] * len(rows),
            "number": number, "key": [str(n) for n in number], "cosine": rows, "kept": [True] * len(rows),
        }
    )  # fmt: skip
    row = observe(None, table).to_pylist()[0]
    assert row["cos_mean"] == pytest.approx(0.5)
    assert row["pct_ema"] == pytest.approx(1 - (1 - 1 / MEMORY) ** 40 * 0.99, abs=0.01)


def test_percentiles_are_those_of_the_step_and_shared_by_equals():
    step = np.array([1, 1, 2, 1, 1, 2, 3])
    cosine = np.array([0.3, -0.2, 0.9, 0.3, 0.8, 0.1, 0.0])
    np.testing.assert_allclose(percentiles(step, cosine), [0.5, 0.125, 0.75, 0.5, 0.875, 0.25, 0.5])


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_ranks_cuts_and_order_do_not_matter(ranks):
    table = visits()
    whole = observe(None, table)
    per_rank = 8 // ranks
    parts = [table.filter(np.arange(240) % 8 // per_rank == rank) for rank in range(ranks)]
    cut = None
    for first, last in ((1, 3), (4, 4), (5, 21), (22, 30)):
        rows = [part.filter((np.array(part["step"]) >= first) & (np.array(part["step"]) <= last)) for part in parts]
        cut = observe(cut, pa.concat_tables(rows[::-1]))
    assert cut.equals(whole)


def test_a_file_gives_it_back_to_the_bit_and_it_goes_on(tmp_path):
    table, step = visits(), np.array(visits()["step"])
    whole = observe(None, table)
    write_ledger(
        tmp_path / "ledger.parquet", observe(None, table.filter(step <= 12)), {"signal": "x/all", "step": "12"}
    )
    saved, facts = load_ledger(tmp_path / "ledger.parquet")
    assert facts == {"version": "1", "signal": "x/all", "step": "12"}
    assert observe(saved, table.filter(step > 12)).equals(whole)
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.parquet"]


def test_samples_with_one_key_are_told_apart_and_nothing_is_infinite():
    table = visits()
    ledger = observe(None, table)
    places = list(zip(ledger["source"].to_pylist(), ledger["number"].to_pylist(), strict=True))
    assert places == sorted(set(places)) and len(set(ledger["key"].to_pylist())) < len(places)
    pairs = np.isfinite(np.array(table["cosine"]))
    assert sum(ledger["n_obs"].to_pylist()) == pairs.sum()
    assert sum(ledger["n_dropped"].to_pylist()) == (pairs & ~np.array(table["kept"])).sum()
    for name in ("cos_mean", "pct_ema", "loss_video_text"):
        values = np.array([value for value in ledger[name].to_pylist() if value is not None])
        assert len(values) and np.isfinite(values).all()
    place = places[3]
    own = (np.array(table["source"]) == place[0]) & (np.array(table["number"]) == place[1]) & pairs
    assert ledger["cos_mean"][3].as_py() == pytest.approx(np.array(table["cosine"])[own].mean(), abs=1e-6)


def test_visits_without_any_pair_leave_it_as_it_is():
    ledger = observe(None, visits())
    assert observe(ledger, one([NAN, NAN])).equals(ledger)
    assert len(observe(None, one([NAN]))) == 0


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "ledger.parquet"
    with pytest.raises(UserError, match="cannot be read"):
        load_ledger(path)
    path.write_text("nothing")
    with pytest.raises(UserError, match="cannot be read"):
        load_ledger(path)
    write_ledger(path, observe(None, visits()), {"version": "9"})
    with pytest.raises(UserError, match="format version 9"):
        load_ledger(path)
