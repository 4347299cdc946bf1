"""Figures of alignments: counts, means over the films whose truth is known, and what a page says of one."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from support.aligned_film import LABELS, film_sequence, judged_film

from vatt_harmony.align.look.figures import on_page, overall, single
from vatt_harmony.align.look.judged import Judged


def rows(*judged: Judged) -> dict[str, dict]:
    return {figure.id.partition(".")[2]: asdict(figure) for figure in overall(judged)}


def test_counts_are_of_all_and_means_of_those_with_truth():
    told = rows(judged_film(film_sequence("one")), judged_film(film_sequence("two", known=False)))
    counts = {name: told[name]["value"] for name in ("sequences", "clips", "null_clips", "null_sentences")}
    assert counts == {"sequences": 2, "clips": 16, "null_clips": 4, "null_sentences": 2}
    assert told["accuracy"]["value"] == pytest.approx(75) and told["accuracy"]["n"] == 1
    assert told["null_precision"]["value"] == pytest.approx(50) and told["null_recall"]["value"] == 100
    assert told["accuracy"]["unit"] == told["null_recall"]["unit"] == "%" and told["clips"]["unit"] == ""


def test_what_one_film_cannot_tell_is_left_out_and_never_nan():
    figures = overall([judged_film(film_sequence("one"))])
    assert "NaN" not in json.dumps([asdict(figure) for figure in figures])
    assert on_page(figures)["clip accuracy"].startswith("75.0 %")


def test_without_truth_only_counts_are_told():
    judged = judged_film(film_sequence(known=False))
    assert set(rows(judged)) == {"sequences", "clips", "null_clips", "null_sentences"}
    assert single(judged) == {"without a partner": "2"}


def test_a_page_says_of_a_film_what_could_be_measured():
    perfect = single(judged_film(film_sequence(), LABELS))
    assert perfect["clip accuracy"] == perfect["sentence IoU"] == "100 %"
    everything = np.where(np.array(LABELS) < 0, 2, LABELS)  # nothing is called null: no precision
    assert "null clips, precision" not in single(judged_film(film_sequence(), tuple(everything.tolist())))
