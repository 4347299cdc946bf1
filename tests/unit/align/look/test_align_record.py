"""JSON and subtitles of an alignment made by hand, with sentences that try to be something else."""

import json
from pathlib import Path

import numpy as np
from support.aligned_film import TEXTS, film_sequence, judged_film, made_prediction

from vatt_harmony.align.look.judged import judge
from vatt_harmony.align.look.record import file_names, subtitles, write_record
from vatt_harmony.media.captions import read_captions


def written(folder: Path, known: bool = True) -> dict:
    judged = judged_film(film_sequence(known=known))
    write_record(judged, "../film.mp4", folder, "film")
    return json.loads((folder / "film.json").read_text())


def test_record_tells_every_item_with_times_partners_and_truth(tmp_path):
    told = written(tmp_path)
    assert told["streams"] == ["clips", "sentences"] and told["media"] == "../film.mp4"
    assert told["null_clips"] == [2, 6] and told["null_sentences"] == [2]
    assert told["clips"][4] == {
        "start": 8.0, "end": 10.0, "sentences": [3], "null": False, "probability": 0.75, "truth": [1],
        "verdict": "wrong",
    }  # fmt: skip
    assert told["clips"][6]["null"] and told["clips"][6]["probability"] is None and told["clips"][6]["truth"] == [4]
    sentence = told["sentences"][3]
    assert sentence["text"] == TEXTS[3]
    assert sentence["clips"] == [4, 5] and sentence["intervals"] == [[8.0, 12.0]]
    assert (sentence["start"], sentence["end"], sentence["verdict"]) == (8.0, 12.0, "partly")
    assert told["sentences"][2]["start"] is None and told["sentences"][2]["verdict"] == "right"


def test_record_without_truth_says_so(tmp_path):
    told = written(tmp_path, known=False)
    assert {item["truth"] for item in told["clips"]} == {None}
    assert {item["verdict"] for item in told["sentences"]} == {"unknown"}


def test_subtitles_have_aligned_times_and_leave_out_sentences_without_clips(tmp_path):
    written(tmp_path)
    captions = read_captions(tmp_path / "film.srt")
    assert [(c.start, c.end) for c in captions] == [(0.0, 4.0), (6.0, 8.0), (8.0, 12.0), (14.0, 16.0)]
    assert captions[2].text == "a blue square and a second line → with an arrow"
    assert (tmp_path / "film.srt").read_text().startswith("1\n00:00:00,000 --> 00:00:04,000\na red square\n\n2\n")


def test_subtitles_of_a_film_of_which_nothing_is_aligned_are_an_empty_file(tmp_path):
    (judged,) = judge(film_sequence(), made_prediction(np.zeros((0, 2), np.int64)))
    write_record(judged, None, tmp_path, "film")
    assert (tmp_path / "film.srt").read_text() == ""


def test_sentences_of_the_same_clip_keep_their_order():
    found = np.array([[0, 0], [0, 1], [1, 1], [1, 3]])
    (judged,) = judge(film_sequence(), made_prediction(found))
    cues = subtitles(judged).split("\n\n")
    assert [cue.splitlines()[1] for cue in cues] == [
        "00:00:00,000 --> 00:00:02,000",
        "00:00:00,000 --> 00:00:04,000",
        "00:00:02,000 --> 00:00:04,000",
    ]
    assert cues[0].endswith("a red square")


def test_names_become_files_that_stay_in_their_folder_and_apart():
    names = ["a film", "a/film", "../../etc/passwd", "..", "", "A film", "größe"]
    assert file_names(names) == ["a_film", "a_film~2", "etc_passwd", "sequence", "sequence~2", "A_film~3", "größe"]
