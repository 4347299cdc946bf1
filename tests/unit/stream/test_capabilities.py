"""Sources that no loss can use are refused by name."""

import pytest

from tests.unit.stream.conftest import clip, small, write_shard
from vatt_harmony.errors import UserError
from vatt_harmony.stream.capabilities import check_pairs, source_capabilities
from vatt_harmony.stream.source import open_one

VATT = {"video_audio": 1.0, "video_text": 1.0, "audio_text": 0.0}


def source(folder, members, count=3):
    write_shard(folder / "s-000000.tar", {f"k{n}": members for n in range(count)})
    return open_one("s", str(folder))


def test_what_the_first_samples_hold_is_counted(tmp_path):
    found = source_capabilities(source(tmp_path, {"mp4": clip(0), "txt": b"a word"}))
    assert found.counts == {"video": 3, "audio": 3, "text": 3}
    assert found.pairs == {"video_audio": 3, "video_text": 3, "audio_text": 3}
    assert found.fields == ["mp4", "txt"]


def test_sound_with_text_is_refused_until_audio_text_has_a_weight(tmp_path):
    only = source(tmp_path, {"mp4": clip(0, picture=False), "txt": b"a word"})
    with pytest.raises(UserError, match=r"Source 's' can never form a pair.*Give audio_text a loss weight above 0"):
        check_pairs({"s": only}, VATT)
    check_pairs({"s": only}, {**VATT, "audio_text": 0.5})


def test_labels_in_place_of_captions_are_named(tmp_path):
    only = source(tmp_path, {"mp4": clip(0, sound=False), "cls": b"3"})
    with pytest.raises(UserError, match=r"fields are cls, mp4.*Add what is missing"):
        check_pairs({"s": only}, VATT)


def test_broken_samples_are_told(tmp_path):
    with pytest.raises(UserError, match="container open in 3"):
        check_pairs({"s": source(tmp_path, {"mp4": b"text"})}, VATT)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"fps": 25.0}, ["10 frames a second where stream.fps is 25"]),
        ({"size": 33}, ["a short side of 32 pixels where stream.size is 33"]),
        ({"fps": 12.0, "size": 224}, ["10 frames", "32 pixels"]),
        ({"fps": 10.0, "size": 32}, []),
    ],
)
def test_more_frames_or_pixels_than_are_stored_is_one_warning(tmp_path, caplog, change, told):
    made = source(tmp_path, {"mp4": clip(0), "txt": b"a word"})
    check_pairs({"s": made}, VATT, small(**change))
    messages = [entry.getMessage() for entry in caplog.records]
    assert len(messages) == bool(told) and all(part in messages[0] for part in told)


def test_sound_alone_lacks_no_frames(tmp_path, caplog):
    made = source(tmp_path, {"mp4": clip(0, picture=False), "txt": b"a word"})
    check_pairs({"s": made}, {"audio_text": 1.0}, small(fps=25.0))
    assert not caplog.records
