import math
from dataclasses import replace

import numpy as np
import pytest
from support.finetune_records import ACCURACY, made_records

from vatt_harmony.finetune.compare.findings import find, notes, reference_of
from vatt_harmony.finetune.compare.markdown import markdown, table
from vatt_harmony.finetune.compare.records import POINTS, append_record, digest, read_records, spread
from vatt_harmony.finetune.compare.run import mean_prediction
from vatt_harmony.finetune.compare.statistics import by_row, paired
from vatt_harmony.finetune.train.result import Predictions

ROWS = by_row(made_records())


def test_differences_are_paired_by_seed():
    found = paired(ROWS["mlb"], ROWS["multiloss"], "accuracy")
    # The noise differs by (0, .004, -.004, .002, -.002): s.e. .0014142, t of four degrees of freedom 2.77645.
    assert (found.mean, found.low, found.high) == pytest.approx((0.03, 0.03 - 0.0039265, 0.03 + 0.0039265), abs=1e-6)
    assert found.sure and not paired(ROWS["mlb"], ROWS["mlb"], "accuracy").sure
    assert math.isnan(paired(ROWS["mlb"], [], "accuracy").mean)


def test_the_finding_names_the_best_rule_and_what_it_is_compared_with():
    assert reference_of(ROWS) == "multiloss"
    assert str(find(ROWS, "accuracy")) == "mlb is better than multiloss by 3.0 points (2.6 to 3.4, 5 seeds)."
    without = {name: ROWS[name] for name in ("multiloss", "none", "ensemble")}
    assert str(find(without, "accuracy")) == (
        "No rule is surely better than multiloss: none, the best one, differs by -2.0 points (-2.0 to -2.0, 5 seeds)."
    )
    single = by_row(made_records(1))
    assert "one seed tells nothing of chance" in str(find(single, "accuracy"))
    assert str(find({"none": ROWS["none"]}, "accuracy")) == "none reaches 60.0 % on the test split."


def test_notes_say_what_was_not_done():
    told = " ".join(notes(ROWS, "accuracy", ["Data: made."]))
    assert "the same 5 seeds for 30 optimizer steps" in told and "ensemble" in told and told.endswith("Data: made.")
    assert "with the same seed for" in " ".join(notes(by_row(made_records(1)), "accuracy", []))
    assert "row multiloss" in " ".join(notes({"none": ROWS["none"]}, "accuracy", []))


def test_rows_of_other_test_clips_are_not_subtracted():
    rows = {name: [replace(record, items=9, clips="a") for record in records] for name, records in ROWS.items()}
    rows["only:audio"] = [replace(record, items=12, clips="b") for record in ROWS["only:audio"]]
    assert math.isnan(paired(rows["only:audio"], rows["multiloss"], "accuracy").mean)
    head, *lines = table(rows, "accuracy", ("video", "audio"))
    cells = {line[0]: dict(zip(head, line, strict=True)) for line in lines}
    assert [cells[name]["clips"] for name in ("mlb", "only:audio")] == ["9", "12"]
    assert cells["only:audio"]["minus multiloss"] == "other clips" and "points" in cells["mlb"]["minus multiloss"]
    assert "not all of the same test clips" in " ".join(notes(rows, "accuracy", []))
    assert "test clips" not in " ".join(notes(ROWS, "accuracy", []))
    assert digest(["a", "b"]) == digest(["b", "a"]) != digest(["a"])


def test_rules_that_are_as_good_are_all_named():
    rows = ROWS | {"ogm": ROWS["mlb"]}
    assert str(find(rows, "accuracy")).endswith("5 seeds). As good on average: ogm.")


def test_the_table_has_a_line_for_each_row():
    head, *lines = table(ROWS, "accuracy", ("video", "audio"))
    assert head[:3] == ["rule", "test accuracy", "minus multiloss"] and [line[0] for line in lines] == list(ACCURACY)
    assert lines[2][1:3] == ["65.0 ± 0.3 %", "3.0 points (2.6 to 3.4)"] and lines[1][2] == ""
    text = markdown(ROWS, "accuracy", find(ROWS, "accuracy"), ["a note"], ("video", "audio"))
    assert text.startswith("# mlb is better") and text.count("\n|") == len(ACCURACY) + 2 and text.endswith("a note\n")


def test_records_come_back_and_a_line_cut_short_does_not(tmp_path):
    path = tmp_path / "records.jsonl"
    assert read_records(path) == []
    for record in made_records(1):
        append_record(path, record)
    path.write_text(path.read_text() + '{"row": "ml')
    assert read_records(path) == made_records(1)


def test_long_curves_are_thinned_with_their_ends_kept():
    lines = [{"step": float(step)} for step in range(1000)]
    kept = spread(lines)
    assert len(kept) == POINTS and kept[0] == lines[0] and kept[-1] == lines[-1] and spread(kept) == kept


def test_the_ensemble_averages_probabilities_of_the_items_that_all_have_read():
    first = Predictions(keys=("a", "b"), targets=np.array([0, 1]), outputs={"fused": np.log([[0.9, 0.1], [0.6, 0.4]])})
    second = Predictions(keys=("b", "c"), targets=np.array([1, 0]), outputs={"fused": np.log([[0.1, 0.9], [0.5, 0.5]])})
    keys, outputs, targets = mean_prediction("classification", [first, second])
    assert keys == ["b"] and np.allclose(np.exp(outputs), [[0.35, 0.65]]) and targets.tolist() == [1]
    _, outputs, _ = mean_prediction("multilabel", [first, second])
    chances = 1 / (1 + np.exp(-np.stack([first.outputs["fused"][1], second.outputs["fused"][0]])))
    assert np.allclose(1 / (1 + np.exp(-outputs)), chances.mean(0))
    _, outputs, _ = mean_prediction("regression", [first, second])
    assert np.allclose(outputs, (first.outputs["fused"][1] + second.outputs["fused"][0]) / 2)
