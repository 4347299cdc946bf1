"""The page of `finetune --compare` in a browser: drawn, silent on the network, and answering to clicks."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.browser import Page, browser, find_browser
from support.finetune_records import ACCURACY, made_records

from vatt_harmony.finetune.compare.findings import find, notes
from vatt_harmony.finetune.compare.page import render
from vatt_harmony.finetune.compare.statistics import by_row

CURVES = "document.querySelectorAll('#curves path.curve').length"
DIFFERENCES = "[...document.querySelectorAll('td.difference')].map((cell) => cell.textContent)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium on this machine; install one or name it in VATT_HARMONY_BROWSER")
    folder = tmp_path_factory.mktemp("compare")
    rows = by_row(made_records())
    told = notes(rows, "accuracy", ["Data: <script>alert(1)</script>"])
    html = render(rows, "accuracy", find(rows, "accuracy"), told, ("video", "audio"), "made </script> by a test")
    (folder / "page.html").write_text(html, encoding="utf-8")
    with browser(program, folder / "profile") as page:
        page.open((folder / "page.html").as_uri(), 1280, 900)
        yield page


def test_it_draws_without_a_complaint_or_a_request(page):
    assert page.evaluate("document.querySelector('h1').textContent").startswith("mlb is better than multiloss")
    assert page.evaluate("document.querySelectorAll('.strip ellipse.seed').length") == 5 * len(ACCURACY)
    assert page.evaluate(CURVES) == len(ACCURACY) - 1  # the ensemble is not trained
    assert page.evaluate("document.querySelectorAll('#distance path.curve').length") == 1
    assert page.evaluate("document.querySelectorAll('#coefficients path.curve').length") == 2
    assert page.evaluate("document.querySelectorAll('#shapley rect').length") == 6
    assert page.evaluate("document.getElementById('footer').textContent") == "made </script> by a test"
    assert page.complaints() == []
    assert [url for url in page.requests() if not url.startswith(("file:", "data:"))] == []


def test_another_reference_gives_other_differences(page):
    assert page.evaluate(DIFFERENCES)[2] == "+3.0 (+2.6 … +3.4)"
    page.evaluate("(() => { const s = document.getElementById('reference'); s.value = 'none'; "
                  "s.dispatchEvent(new Event('change')); })()")  # fmt: skip
    assert page.evaluate(DIFFERENCES)[:3] == ["–", "+2.0 (+2.0 … +2.0)", "+5.0 (+4.6 … +5.4)"]


def test_a_click_hides_a_row_and_another_shows_it(page):
    click = "document.querySelectorAll('#rows button.row')[2].click()"
    page.evaluate(click)
    assert page.evaluate(CURVES) == len(ACCURACY) - 2
    assert page.evaluate("document.querySelectorAll('#distance path.curve').length") == 0
    page.evaluate(click)
    assert page.evaluate(CURVES) == len(ACCURACY) - 1


def test_it_has_a_dark_theme(page):
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    before = page.evaluate(ground)
    page.evaluate("document.getElementById('theme').click()")
    assert page.evaluate(ground) != before


def test_axes_have_whole_epochs_and_no_shares_below_none(page, tmp_path):
    across = "[...document.querySelectorAll('#curves text[text-anchor=middle]')].map((tick) => tick.textContent)"
    assert page.evaluate(across) == ["1", "2"]
    nothing = [replace(each, test=dict.fromkeys(each.test, 0.0), curve=each.curve[:1]) for each in made_records(1)]
    rows = by_row(nothing)
    html = render(rows, "accuracy", find(rows, "accuracy"), notes(rows, "accuracy", []), ("video", "audio"), "")
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    page.events.clear()
    page.open((tmp_path / "page.html").as_uri(), 1280, 900)
    assert page.evaluate(across) == ["1"]  # a single epoch
    axis = page.evaluate("document.querySelector('#rows .axis').textContent")
    assert axis.startswith("0") and "−" not in axis
