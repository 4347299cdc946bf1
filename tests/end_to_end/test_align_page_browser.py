"""The page of `align predict` in a browser: drawn, silent on the network, and following the film."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from support.aligned_film import OWNERS, film_sequence, made_prediction, write_film
from support.browser import Page, browser, find_browser

from vatt_harmony.align.predict import write_predictions
from vatt_harmony.align.sequence import AlignmentSequence, Stream, pairs_of

RIBBONS = "[...document.querySelectorAll('#ribbons path')].map((p) => p.getAttribute('class'))"
CHOSEN = "document.getElementById('chosen').textContent"
TIME = "document.querySelector('#screen video').currentTime"
MANY_CLIPS, MANY_SENTENCES = 1000, 600


def many() -> tuple[AlignmentSequence, np.ndarray]:
    """A long film without media, aligned at random but in order."""
    generator = np.random.default_rng(0)
    owners = np.sort(generator.integers(0, MANY_SENTENCES, MANY_CLIPS))
    owners[generator.random(MANY_CLIPS) < 0.2] = -1
    edges = np.cumsum(generator.gamma(2, 1, MANY_CLIPS + 1))
    clips = Stream(name="clips", spans=np.stack([edges[:-1], edges[1:]], 1), features=np.zeros((MANY_CLIPS, 1), "f4"))
    sentences = Stream(
        name="sentences",
        spans=np.full((MANY_SENTENCES, 2), np.nan),
        features=np.zeros((MANY_SENTENCES, 1), "f4"),
        texts=tuple(f"sentence {place} of a long film" for place in range(MANY_SENTENCES)),
    )
    return AlignmentSequence(name="long", group="long", streams=(clips, sentences)), owners


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("aligned")
    long, owners = many()
    sequences = [film_sequence("film", write_film(folder / "film.mp4")), long]
    predictions = [made_prediction(pairs_of(np.array(each))) for each in (OWNERS, owners)]
    write_predictions(sequences, predictions, folder / "out", Console(quiet=True))
    return folder / "out"


@pytest.fixture
def page(out: Path, tmp_path: Path) -> Iterator[Page]:
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium on this machine; install one or name it in VATT_HARMONY_BROWSER")
    with browser(program, tmp_path / "profile") as page:
        page.open((out / "index.html").as_uri(), 1280, 1000)
        yield page


def settle(page: Page) -> None:
    """Wait until two frames have been drawn."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def wait_for(page: Page, condition: str) -> None:
    """Wait until an expression holds."""
    deadline = time.monotonic() + 60
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        time.sleep(0.05)


def test_ribbons_are_those_of_the_alignment_and_nothing_is_fetched_or_complained_of(page, out):
    settle(page)
    kinds = page.evaluate(RIBBONS)
    assert sorted(kinds) == sorted(
        ["ribbon right"] * 5 + ["ribbon wrong"]
        + ["ribbon none stub right", "ribbon none stub wrong"]  # clips 2 and 6
        + ["ribbon none stub right"]  # sentence 2
    )  # fmt: skip
    fills = page.evaluate(
        "['right', 'wrong', 'none'].map((kind) => getComputedStyle(document.querySelector(`#ribbons .${kind}`)).fill)"
    )
    assert fills == ["rgb(20, 147, 107)", 'url("#hatch")', 'url("#dots")']  # told apart by pattern, too
    assert page.evaluate("document.querySelectorAll('#uppers img').length") == 8
    assert page.evaluate("document.querySelector('h1').textContent") == (
        "Of 8 clips in 1 sequence, 6 are where they belong."
    )
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    assert page.complaints() == []
    outside = {url for url in page.requests() if not url.startswith(("blob:", "data:"))}
    assert outside == {(out / "index.html").as_uri()}


def test_a_click_on_a_sentence_takes_the_film_to_its_first_clip(page):
    wait_for(page, "document.querySelector('#screen video').readyState >= 2")
    place = page.evaluate(
        "(() => { const b = document.querySelector('#lowers [data-item=\"3\"]').getBoundingClientRect();"
        " return [b.x + b.width / 2, b.y + 20]; })()"
    )
    page.click(*place)
    wait_for(page, f"Math.abs({TIME} - 8) < 0.1")
    told = page.evaluate(CHOSEN)
    assert "clip 5, 0:08 – 0:10" in told and "a blue square" in told
    assert "belongs with sentence 2" in told
    assert page.evaluate("document.querySelectorAll('#ribbons .missed').length") == 1
    assert "a blue square" in page.evaluate("document.getElementById('caption').textContent")
    page.evaluate("document.querySelectorAll('#texts button')[2].click()")  # no clip: the film stays
    assert "no partner" in page.evaluate(CHOSEN) and abs(page.evaluate(TIME) - 8) < 0.1


def test_keys_walk_find_what_is_wrong_and_play(page):
    wait_for(page, "document.querySelector('#screen video').readyState >= 2")
    page.evaluate("document.getElementById('stage').focus()")
    page.key("ArrowRight")
    page.key("ArrowRight")
    assert "clip 2" in page.evaluate(CHOSEN)
    page.key("n")
    assert "clip 5" in page.evaluate(CHOSEN)
    page.key("n")
    assert "clip 7" in page.evaluate(CHOSEN) and "no partner, wrong" in page.evaluate(CHOSEN)
    page.key("n")
    assert "clip 5" in page.evaluate(CHOSEN)
    page.key("ArrowDown")
    assert "sentence 5" in page.evaluate(CHOSEN)
    page.evaluate("document.querySelector('#screen video').currentTime = 3.6")
    page.key(" ")
    wait_for(page, f"{TIME} > 4.1")  # the film has run into the next clip, and the page has followed
    assert "clip 3" in page.evaluate(CHOSEN)
    assert page.complaints() == []


def test_a_long_film_is_drawn_whole_and_in_part(page):
    page.evaluate("(() => { const w = document.getElementById('which'); w.value = 1; "
                  "w.dispatchEvent(new Event('change')); })()")  # fmt: skip
    assert page.evaluate("document.querySelectorAll('#lowers button').length") < 20
    page.evaluate("document.getElementById('fit').click()")
    owners = many()[1]
    silent = MANY_SENTENCES - len(set(owners[owners >= 0]))
    assert len(page.evaluate(RIBBONS)) == MANY_CLIPS + silent
    assert set(page.evaluate(RIBBONS)) == {"ribbon none", "ribbon none stub unknown"}
    assert page.evaluate("document.querySelectorAll('#texts li').length") == MANY_SENTENCES
    assert "There is no film" in page.evaluate("document.getElementById('screen').textContent")
    page.evaluate("document.querySelectorAll('#texts button')[400].click()")
    assert page.complaints() == []


def test_nothing_overflows_a_narrow_screen(page):
    page.call("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=1, mobile=True)
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("document.querySelectorAll('#lowers button .text').length") >= 1
    assert page.evaluate("document.getElementById('screen').getBoundingClientRect().width") > 300
