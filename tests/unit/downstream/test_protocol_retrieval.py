"""MSR-VTT and YouCook2 retrieval: annotations, windows, the two ways to average, and what is missing."""

import argparse
import csv
import json
from pathlib import Path

import pytest
import torch
from support.exports import SENTENCES, make_export, write_clip
from torch.nn import functional as F

from vatt_harmony.downstream.cli import add_parsers
from vatt_harmony.downstream.protocols.annotations import Row, read_annotations
from vatt_harmony.downstream.protocols.retrieve import retrieve_rows
from vatt_harmony.downstream.protocols.verb import FPS, FRAMES, SIZE
from vatt_harmony.downstream.protocols.videos import find_videos, show
from vatt_harmony.downstream.windows import Cut
from vatt_harmony.errors import UserError
from vatt_harmony.media.decode import read_window
from vatt_harmony.model.loading import load_model

CUT = Cut(frames=4, fps=4.0, size=32, sample_rate=8000)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_export(tmp_path_factory.mktemp("export"))[1]


@pytest.fixture(scope="module")
def msrvtt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A miniature of the 1k split: five videos, of which one is broken and one is not there."""
    folder = tmp_path_factory.mktemp("msrvtt")
    (folder / "videos" / "test").mkdir(parents=True)
    for number in range(3):
        write_clip(folder / "videos" / "test" / f"video{9770 + number}.mp4", number, seconds=3.0)
    (folder / "videos" / "video9773.mp4").write_text("not a film")
    with (folder / "test.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("key", "vid_key", "video_id", "sentence"))
        for number in range(5):
            table.writerow((f"ret{number}", f"msr{9770 + number}", f"video{9770 + number}", SENTENCES[number]))
    return folder / "test.csv", folder / "videos"


@pytest.fixture(scope="module")
def youcook2(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A miniature of the validation steps: two videos of several steps; one step lies behind the end."""
    folder = tmp_path_factory.mktemp("youcook2")
    (folder / "226").mkdir()
    write_clip(folder / "226" / "xHr8X2Wpmno.mp4", 0, seconds=6.0)
    write_clip(folder / "226" / "-OuvEYkxtfM.mkv.mp4", 1, seconds=4.0).rename(folder / "226" / "-OuvEYkxtfM.mp4")
    steps = [(2, 0, "xHr8X2Wpmno"), (5, 3, "xHr8X2Wpmno"), (3, 1, "-OuvEYkxtfM"), (90, 80, "-OuvEYkxtfM")]
    with (folder / "val.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("end", "start", "task", "text", "video_id"))
        for (end, start, video), text in zip(steps, SENTENCES, strict=False):
            table.writerow((end, start, 226, text, video))
    return folder / "val.csv", folder


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    add_parsers(parser.add_subparsers(required=True))
    options = parser.parse_args([str(argument) for argument in arguments])
    return int(options.run_verb(options))


def test_published_annotations_are_read(data_root: Path) -> None:
    msrvtt = read_annotations("msrvtt", data_root / "captions" / "msrvtt_test_1k.csv")
    assert len(msrvtt) == 1000 and len({row.video for row in msrvtt}) == 1000
    assert msrvtt[1] == Row(key="ret1", video="video9771", text="a little girl does gymnastics")
    youcook2 = read_annotations("youcook2", data_root / "captions" / "youcook2_val.csv")
    assert len(youcook2) == 3350 and len({row.video for row in youcook2}) == 436
    assert youcook2[0].within == (47.0, 60.0) and youcook2[0].text.startswith("pick the ends")


def test_bad_annotations_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with pytest.raises(UserError, match="does not exist"):
        read_annotations("msrvtt", path)
    path.write_text("key,sentence\nret0,a dog\n")
    with pytest.raises(UserError, match="no column video_id"):
        read_annotations("msrvtt", path)
    path.write_text("key,video_id,sentence\nret0,v,a dog\nret0,w,a cat\n")
    with pytest.raises(UserError, match="repeats a key"):
        read_annotations("msrvtt", path)
    path.write_text("end,start,task,text,video_id\n9,soon,1,stir,v\n")
    with pytest.raises(UserError, match="line 2: could not convert"):
        read_annotations("youcook2", path)


def test_windows_of_whole_videos_and_of_steps(youcook2: tuple[Path, Path]) -> None:
    annotations, folder = youcook2
    rows = read_annotations("youcook2", annotations)
    shown = list(show(rows, find_videos(folder), CUT, windows=3, threads=2))
    assert [item.reason for item in shown] == ["", "", "", "too short"]
    step = shown[1].windows
    assert len(step) == 3 and step[0].shape == (4, 32, 32, 3)
    for start, frames in zip((3.0, 3.5, 4.0), step, strict=True):  # from 3 to 5 s, a window of 1 s
        expected = read_window(folder / "226" / "xHr8X2Wpmno.mp4", start, 4, 4.0, 8000, size=32).video
        assert expected is not None and (frames == expected).all()
    whole = next(show([Row(key="a", video="xHr8X2Wpmno", text="")], find_videos(folder), CUT, 4, 1))
    assert len(whole.windows) == 4


def test_two_files_of_one_name_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a/one.mp4", "b/one.webm", "b/two.mp4", "c/two.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with caplog.at_level("WARNING"):
        assert find_videos(tmp_path) == {"one": tmp_path / "a/one.mp4", "two": tmp_path / "b/two.mp4"}
    assert "their name: 1, such as" in caplog.text and "one.webm" in caplog.text


def test_ranks_follow_both_averages(exported: Path, msrvtt: tuple[Path, Path]) -> None:
    model, processor = load_model(exported)
    rows = read_annotations("msrvtt", msrvtt[0])
    shown = list(show(rows, find_videos(msrvtt[1]), CUT, windows=4, threads=2))
    result = retrieve_rows(model, processor, iter(shown))
    assert result.measured == 3 and {reason: len(lost) for reason, lost in result.missing.items()} == {
        "container open": 1,
        "video missing": 1,
    }
    with torch.no_grad():
        text = F.normalize(model.embed_raw("text", processor.encode(SENTENCES[:3]))["video_text"]["text"], dim=-1)
        clips = [torch.stack([torch.from_numpy(window) for window in item.windows]) for item in shown[:3]]
        raw = torch.stack([model.embed_raw("video", clip)["video_text"]["video"] for clip in clips])
    cosines = {
        "": text @ F.normalize(raw.mean(dim=1), dim=-1).T,
        "_mean_similarity": torch.stack([text @ F.normalize(clip, dim=-1).T for clip in raw]).mean(dim=2).T,
    }
    for suffix, similarity in cosines.items():
        forth = 1 + (similarity >= similarity.diagonal()[:, None]).sum(dim=1) - 1
        back = 1 + (similarity >= similarity.diagonal()).sum(dim=0) - 1
        assert result.retrievals["text_to_video" + suffix].ranks.tolist() == forth.tolist()
        assert result.retrievals["video_to_text" + suffix].ranks.tolist() == back.tolist()


def test_a_sentence_without_a_known_word_and_nothing_at_all(exported: Path, msrvtt: tuple[Path, Path]) -> None:
    model, processor = load_model(exported)
    rows = [Row(key="a", video="video9770", text="!"), Row(key="b", video="video9771", text="a dog")]
    result = retrieve_rows(model, processor, show(rows, find_videos(msrvtt[1]), CUT, 1, 1))
    assert result.measured == 1 and list(result.missing) == ["no word known"]
    with pytest.raises(UserError, match="None of 1 rows could be measured: 1 video missing"):
        retrieve_rows(model, processor, show([Row(key="a", video="x", text="a dog")], {}, CUT, 1, 1))
    model.config.trained_pairs = ["video_audio"]
    with pytest.raises(UserError, match="never trained to bring video and text together"):
        retrieve_rows(model, processor, iter(()))


def test_msrvtt_end_to_end(
    exported: Path, msrvtt: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the protocol's own input, 32 frames at 12.5 fps and 224 x 224 pixels."""
    assert (FRAMES, FPS, SIZE) == (32, 12.5, 224)
    said = ("--protocol", "msrvtt", "--annotations", msrvtt[0], "--videos", msrvtt[1], "--windows", 2)
    said += ("--device", "cpu", "--json", tmp_path / "f.json", "--missing", tmp_path / "missing.csv")
    assert run("evaluate", "retrieval", exported, *said) == 0
    printed = capsys.readouterr().out
    assert "N = 3 of 5 rows of test.csv" in printed
    assert "1 rows, container open: video9773" in printed and "1 rows, video missing: video9774" in printed
    figures = {row["id"]: row for row in json.loads((tmp_path / "f.json").read_text())["figures"]}
    assert figures["msrvtt.text_to_video.R@5"]["value"] == 1.0 and figures["msrvtt.text_to_video.R@1"]["n"] == 3
    assert figures["msrvtt.text_to_video_mean_similarity.median_rank"]["value"] >= 1
    assert figures["msrvtt.rows lost, video missing"]["value"] == 1
    lost = (tmp_path / "missing.csv").read_text().splitlines()
    assert lost[0] == "key,video_id,reason" and set(lost[1:]) == {
        "ret3,video9773,container open",
        "ret4,video9774,video missing",
    }


def test_youcook2_end_to_end(exported: Path, youcook2: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    said = ("--protocol", "youcook2", "--annotations", youcook2[0], "--videos", youcook2[1], "--input", "model")
    assert run("evaluate", "retrieval", exported, *said, "--device", "cpu") == 0
    printed = capsys.readouterr().out
    assert "N = 3 of 4 rows of val.csv" in printed and "1 rows, too short: -OuvEYkxtfM" in printed


def test_wrong_arguments_are_told(exported: Path, msrvtt: tuple[Path, Path]) -> None:
    with pytest.raises(UserError, match="needs --annotations CSV and --videos DIR"):
        run("evaluate", "retrieval", exported, "--protocol", "msrvtt", "--videos", msrvtt[1])
    with pytest.raises(UserError, match="needs DATA, or --protocol"):
        run("evaluate", "retrieval", exported)
    with pytest.raises(UserError, match="is not a folder"):
        run(
            "evaluate", "retrieval", exported, "--protocol", "msrvtt", "--annotations", msrvtt[0], "--videos", msrvtt[0]
        )
