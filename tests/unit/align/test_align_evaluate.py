"""`align evaluate`: one table on the screen, the same as figures."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.alignment import film

from vatt_harmony.align.comparison import NAMES
from vatt_harmony.align.config import NetworkConfig
from vatt_harmony.align.evaluate import evaluate_verb
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.published import PUBLISHED
from vatt_harmony.align.sequence import AlignmentSequence, pairs_of, save_sequences
from vatt_harmony.cli import main
from vatt_harmony.errors import UserError


def lesson(seed: int) -> AlignmentSequence:
    """Four sentences with two noisy clips each and a clip without a sentence behind them."""
    rng = np.random.default_rng(seed)
    sentences = rng.standard_normal((4, 5))
    owners = np.tile([1, 1, 0], 4) * np.repeat(np.arange(1, 5), 3) - 1
    clips = np.where(owners[:, None] >= 0, sentences[owners], 0) + 0.3 * rng.standard_normal((12, 5))
    times = np.stack([np.arange(12.0), np.arange(12) + 1], axis=1)
    spans = np.stack([np.arange(4) * 3, np.arange(4) * 3 + 2], axis=1)
    return film(times, spans, pairs=pairs_of(owners), joint=(clips, sentences), name=f"lesson {seed}")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    save_sequences(tmp_path / "val", [lesson(seed) for seed in range(3)])
    save_sequences(tmp_path / "test", [lesson(seed) for seed in range(3, 7)])
    return tmp_path


def network(folder: Path, **options: object) -> Path:
    config = NetworkConfig(width=8, branches="full", norm="none", **options)  # type: ignore[arg-type]
    NeuMatch(config, [1, 1], seed=0).save_pretrained(folder)
    return folder


def options(data: Path, **given: object) -> argparse.Namespace:
    known = {"model": [], "split": "test", "baselines": "all", "select": "accuracy", "device": "cpu", "json": None}
    return argparse.Namespace(**known | {"data": data, "method": None, "beam": None} | given)


def figures(path: Path) -> dict[str, dict[str, float]]:
    return {row["id"]: row for row in json.loads(path.read_text())["figures"]}


def test_every_row_of_the_screen_is_a_figure(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = network(data / "model")
    assert evaluate_verb(options(data, model=[model], json=data / "out.json")) == 0
    screen, rows = capsys.readouterr().out, figures(data / "out.json")
    assert "sequences: 4, films: 4" in screen
    for name in ("NeuMATCH", *NAMES):
        assert sum(line.startswith(f"{name} ") for line in screen.splitlines()) == 2
        for metric in ("accuracy", "iou", "null_precision", "null_recall", "clips_right", "sentences_right"):
            assert f"align.{name}.{metric}" in rows and f"align.{name}.{metric}.pooled" in rows
    assert rows["align.oracle.accuracy"]["value"] == 100
    assert rows["align.all null.accuracy"]["value"] == pytest.approx(100 / 3)
    assert rows["align.all null.accuracy"]["n"] == 4
    ours, theirs = rows["align.NeuMATCH.accuracy"]["value"], rows["align.DTW.accuracy"]["value"]
    assert rows["align.DTW.accuracy.lead"]["value"] == pytest.approx(ours - theirs)
    assert "ahead: NeuMATCH minus the row" in screen
    assert "tuned on val by accuracy: minimum distance: null above" in screen
    assert "joint features alone, most similar second right (R@1)" in screen
    assert "published" not in screen


def test_several_aligners_stand_side_by_side(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = [network(data / "a"), network(data / "b", content=False), network(data / "c", window=3)]
    assert evaluate_verb(options(data, model=[*models, network(data / "d")], baselines="none")) == 0
    screen = capsys.readouterr().out
    for name in (str(data / "a"), "positions alone", "window 3", str(data / "d")):
        assert f"NeuMATCH, {name}" in screen


def test_tuned_rows_on_their_own_films_are_called_too_good(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate_verb(options(data, split="val", baselines="DTW")) == 0
    assert "tuned on val by accuracy, whose films are shown here: they are too good: DTW: " in capsys.readouterr().out


def test_without_validation_the_similarity_rows_are_left_out(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate_verb(options(data / "test")) == 0
    screen = capsys.readouterr().out
    assert "left out, there is no validation split to tune it on: minimum distance; DTW; " in screen
    assert "oracle" in screen and "ahead" not in screen
    save_sequences(data, [lesson(3)])  # A folder of sequences is no place of splits, whatever else lies in it.
    assert evaluate_verb(options(data)) == 0
    assert "there is no validation split" in capsys.readouterr().out


def test_three_streams_are_scored_two_by_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = lesson(0)
    pairs = np.concatenate([both.pairs[:, :1], both.pairs[:, 1:], both.pairs[:, :1]], axis=1)
    three = replace(both, streams=(*both.streams, both.clips), pairs=pairs)
    save_sequences(tmp_path / "test", [three])
    config = NetworkConfig(width=8, branches="full", norm="none", actions="streams")
    NeuMatch(config, [1, 1, 1], seed=0).save_pretrained(tmp_path / "model")
    assert evaluate_verb(options(tmp_path, model=[tmp_path / "model"], baselines="oracle,all null")) == 0
    screen = capsys.readouterr().out
    assert "sequences: 3, films: 1; percent, one film: no intervals" in screen and "95 %" not in screen
    assert "least sure lead: over all null, " in screen and "(one film: no interval)" in screen


def test_what_the_claim_above_all_rests_on_is_told_and_a_figure(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = {
        "model": [network(data / "model")],
        "baselines": "all null,oracle,word share,DTW",
        "json": data / "out.json",
    }
    assert evaluate_verb(options(data, **given)) == 0
    screen, rows = capsys.readouterr().out, figures(data / "out.json")
    leads = {row: rows[f"align.{row}.accuracy.lead"] for row in ("all null", "word share", "DTW")}
    over = min(leads, key=lambda row: leads[row]["low"])
    least = rows["align.NeuMATCH.accuracy.least_sure_lead"]
    assert [least[end] for end in ("value", "low", "high", "n")] == [
        leads[over][end] for end in ("value", "low", "high", "n")
    ]
    assert least["name"] == f"NeuMATCH minus {over}, clip accuracy, least sure lead"
    told = f"least sure lead: over {over}, {least['value']:+.1f} ({least['low']:+.1f} … {least['high']:+.1f})"
    assert told in screen


def test_without_rivals_there_is_no_lead(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate_verb(options(data, model=[network(data / "model")], baselines="oracle")) == 0
    assert "least sure" not in capsys.readouterr().out


def test_published_figures_stand_below_youtube_movie_summaries_only(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_sequences(data / "test", [lesson(3)], {"options": {"kind": "yms"}})
    assert evaluate_verb(options(data, baselines="oracle")) == 0
    screen = capsys.readouterr().out
    assert all(row.method in screen for row in PUBLISHED)
    assert "23.2/18.4" in screen and "Compare with care" in screen


def test_a_split_without_truth_and_an_empty_table_are_refused(data: Path) -> None:
    unknown = replace(lesson(0), pairs=None, streams=film(np.zeros((1, 2)), np.full((4, 2), np.nan)).streams)
    save_sequences(data / "new", [unknown])
    with pytest.raises(UserError, match="neither times of its sentences nor pairs"):
        evaluate_verb(options(data, split="new"))
    with pytest.raises(UserError, match="neither --model nor a baseline"):
        evaluate_verb(options(data, baselines="none"))


def test_the_command_line_takes_several_models(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (str(network(data / name)) for name in ("a", "b"))
    arguments = ["align", "evaluate", str(data), "--model", one, "--model", other, "--baselines", "word share"]
    assert main([*arguments, "--device", "cpu"]) == 0
    assert f"NeuMATCH, {other}" in capsys.readouterr().out
