"""The page of `conflicts report` in a browser: drawn, silent on the network, playing, and exporting what it shows."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browser import Page, browser, find_browser
from support.conflicted import CONFLICTING, conflicted_run

from vatt_harmony import cli
from vatt_harmony.shards.exclude import read_drop_list

CLIPS = 12
PLACES = "(() => { const b = document.getElementById('marks').getBoundingClientRect(); return [b.x, b.y]; })()"
PIXELS = (
    "(() => { const c = document.getElementById('points'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height)"
    ".data; let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; })()"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    run = conflicted_run(folder, CLIPS)
    assert cli.main(["conflicts", "report", str(run), "--out", str(folder / "page.html"), "--clips", "8"]) == 0
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[Page]:
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium on this machine; install one or name it in VATT_HARMONY_BROWSER")
    with browser(program, folder / "profile") as page:
        page.open((folder / "page.html").as_uri(), 1280, 900, downloads=folder)
        yield page


def test_the_page_draws_its_points_without_a_complaint_or_a_request(page, folder):
    assert page.evaluate("document.querySelector('h1').textContent") == (
        f"Of {CLIPS} clips, {CONFLICTING} disagree with themselves: the sound says one thing, the caption another."
    )
    assert page.evaluate(PIXELS) > 1000
    assert page.evaluate("document.querySelectorAll('#history path, #sources rect').length") > 10
    assert page.complaints() == []
    outside = {url for url in page.requests() if not url.startswith(("blob:", "data:"))}
    assert outside == {(folder / "page.html").as_uri()}


def test_keys_walk_the_map_and_enter_plays_the_clip_with_its_caption(page):
    page.evaluate("document.getElementById('marks').focus()")
    page.key("ArrowUp")
    tip = page.evaluate("document.getElementById('tip').textContent")
    assert "made/0001" in tip and "cosine" in tip  # the second lowest: it opens on the lowest
    page.key("Enter")
    assert page.evaluate("document.querySelector('#player .key-name').textContent") == "made/0001"
    assert page.evaluate("document.querySelector('#player blockquote').textContent") == "a dog barks loudly"
    assert playing(page)


def test_a_click_on_a_point_plays_it(page):
    left, top = page.evaluate(PLACES)
    page.evaluate("document.querySelector('#plot').scrollIntoView({block: 'center', behavior: 'instant'})")
    left, top = page.evaluate(PLACES)
    before = page.evaluate("document.querySelector('#player .key-name').textContent")
    for across in range(60, 900, 9):  # walk until the pointer is over a clip that is not the one shown
        page.call("Input.dispatchMouseEvent", type="mouseMoved", x=left + across, y=top + 330)
        tip = page.evaluate("document.getElementById('tip').hidden ? '' : document.getElementById('tip').textContent")
        if tip and before not in tip and "not inside" not in tip:
            page.click(left + across, top + 330)
            break
    shown = page.evaluate("document.querySelector('#player .key-name').textContent")
    assert shown != before and shown in tip
    assert playing(page)
    assert page.evaluate("[...document.querySelectorAll('video')].filter((v) => !v.paused).length") == 1


def test_the_drop_list_holds_what_was_chosen(page, folder):
    chosen = [f"made/{number:04d}" for number in range(CONFLICTING)]
    assert exported(page, folder) == chosen
    page.evaluate("document.querySelector('#modes [value=share]').click()")
    page.evaluate("(() => { const n = document.querySelector('#share input'); n.value = 50; "
                  "n.dispatchEvent(new Event('input')); })()")  # fmt: skip
    assert len(exported(page, folder)) == CLIPS // 2
    page.evaluate("document.querySelector('#modes [value=line]').click()")
    page.evaluate("(() => { const n = document.querySelector('#line input'); n.value = -0.28; "
                  "n.dispatchEvent(new Event('input')); })()")  # fmt: skip
    below = exported(page, folder)
    assert 0 < len(below) < CONFLICTING and set(below) < set(chosen)
    page.evaluate("document.querySelector('#modes [value=found]').click()")
    page.evaluate("document.getElementById('drop-this').click()")  # by hand: the clip that is shown
    shown = page.evaluate("document.querySelector('#player .key-name').textContent")
    assert set(exported(page, folder)) == set(chosen) ^ {shown}


def test_a_line_is_dragged_and_a_lasso_drawn(page, folder):
    page.evaluate("document.querySelector('#plot').scrollIntoView({block: 'center', behavior: 'instant'})")
    page.evaluate("document.querySelector('#modes [value=line]').click()")
    left, top = page.evaluate(PLACES)
    for down in range(20, 600, 4):  # walk until the pointer is over the line, at the edge, where no point is
        page.call("Input.dispatchMouseEvent", type="mouseMoved", x=left + 62, y=top + down)
        if page.evaluate("document.getElementById('marks').classList.contains('line')"):
            break
    for kind, at in (("mousePressed", down), ("mouseMoved", 30), ("mouseMoved", 12), ("mouseReleased", 12)):
        page.mouse(kind, left + 62, top + at)
    settle(page)
    assert len(exported(page, folder)) == CLIPS
    page.evaluate("document.querySelector('#modes [value=lasso]').click()")
    assert page.evaluate("document.getElementById('export').disabled")
    page.mouse("mousePressed", left + 60, top + 12)
    for across, down in ((300, 12), (600, 12), (840, 12), (840, 500), (600, 500), (300, 500), (60, 500)):
        page.mouse("mouseMoved", left + across, top + down)
    page.mouse("mouseReleased", left + 60, top + 500)
    assert len(exported(page, folder)) == CLIPS


def settle(page: Page) -> None:
    """Wait until two frames have been drawn."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def playing(page: Page) -> bool:
    """Whether the video beside the map moves within some seconds, with its sound on."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        state = page.evaluate("(() => { const v = document.querySelector('#player video');"
                              " return [v.currentTime, v.muted, v.error && v.error.message]; })()")  # fmt: skip
        assert state[1] is False and state[2] is None
        if state[0] > 0.1:
            return True
        time.sleep(0.1)
    return False


def exported(page: Page, folder: Path) -> list[str]:
    """The keys that `shards build --exclude` reads from the file that the button downloads."""
    path = folder / "drop-list.txt"
    path.unlink(missing_ok=True)
    page.evaluate("document.getElementById('export').click()")
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# ") and any("signal last_linear/all" in line for line in lines)
    return read_drop_list(path)
