"""The sample contract, and three foreign layouts read without conversion."""

import json
import math
import re
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatt_harmony.media.captions import Caption
from vatt_harmony.shards.sample import SampleError, make_record, safe_key, split_member, to_sample


@given(st.text())
def test_safe_keys_fit_a_member_name_and_keep_texts_apart(text: str) -> None:
    key = safe_key(text)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", key)
    assert split_member(f"{key}.json") == (key, "json") or key.startswith("__")
    assert safe_key(key) == key
    header = tarfile.TarInfo(f"{key}.json")
    assert header.tobuf(tarfile.USTAR_FORMAT)
    assert safe_key(text + "x" * 90) != safe_key(text + "x" * 91)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.mp4", ("a", "mp4")),
        ("./a.MP4", ("a", "mp4")),
        ("x.y/a.left.jpg", ("x.y/a", "left.jpg")),
        ("noextension", None),
        (".hidden", None),
        ("__meta__.json", None),
        ("a.", None),
    ],
)
def test_a_key_ends_at_the_first_dot_of_the_last_part(name: str, expected: tuple[str, str] | None) -> None:
    assert split_member(name) == expected


def test_our_own_record_comes_back() -> None:
    captions = [Caption("a bell", 0.5, 1.0)]
    record = make_record(source="s", video_id="v", start=10, end=13, captions=captions, label="bell")
    sample = to_sample("k", {"mp4": b"m", "json": json.dumps(record).encode(), "txt": b"a bell"}, "fallback")
    assert (sample.name, sample.captions, sample.record["label"]) == ("s/k", captions, "bell")


def test_video2dataset() -> None:
    record = {"status": "success", "error_message": None, "caption": "c", "key": "000000001"}
    members = {"mp4": b"m", "m4a": b"s", "txt": b"a caption\n", "json": json.dumps(record).encode()}
    sample = to_sample("000000001", members, "webvid")
    assert (sample.video, sample.audio, sample.name) == (b"m", b"s", "webvid/000000001")
    assert sample.captions == [Caption("a caption", 0.0, math.inf)]
    members["json"] = json.dumps({"status": "failed_to_download", "error_message": "404"}).encode()
    with pytest.raises(SampleError, match="failed download: failed_to_download: 404"):
        to_sample("000000001", members, "webvid")


@pytest.mark.parametrize("extension", ["jpg", "png", "webp"])
def test_open_clip(extension: str) -> None:
    sample = to_sample("k", {extension: b"i", "txt": b"a cat"}, "laion")
    assert (sample.image, sample.video, sample.captions[0].text) == (b"i", None, "a cat")


@pytest.mark.parametrize(("text", "expected"), [("rain", ["rain"]), (["rain", "water"], ["rain", "water"])])
def test_clap(text: str | list[str], expected: list[str]) -> None:
    sample = to_sample("k", {"flac": b"s", "json": json.dumps({"text": text, "tag": ["x"]}).encode()}, "clap")
    assert (sample.audio, sample.video, [c.text for c in sample.captions]) == (b"s", None, expected)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"{", "bad record: json"),
        (b"[]", "holds a list"),
        (b'{"captions": [], "version": 9}', "version 9, known is 1"),
        (b'{"captions": [{"start": 1}]}', "caption"),
        (b'{"text": 7}', "text is a int"),
    ],
)
def test_a_bad_record_is_an_error_of_the_sample(record: bytes, message: str) -> None:
    with pytest.raises(SampleError, match=message):
        to_sample("k", {"mp4": b"m", "json": record}, "s")


def test_ids_that_differ_only_in_replaced_characters_have_their_own_keys() -> None:
    ids = ["a 日本", "a 中国", "a.b", "a b", "a_b"]
    assert len({safe_key(text) for text in ids}) == len(ids)
    assert safe_key("a_b-7") == "a_b-7"
