"""The page as text: what comes from outside stays data, and the headline counts."""

import json
import re

from support.aligned_film import HOSTILE, film_sequence, judged_film

from vatt_harmony.align.look.film import Film
from vatt_harmony.align.look.page import headline, render


def made(known: bool = True) -> str:
    judged = [judged_film(film_sequence(HOSTILE, known=known))]
    film = Film(data=b"\x00film", pictures=(b"\xff", None))
    return render(judged, {"film": film}, {HOSTILE: HOSTILE}, [{"clip accuracy": "0.5"}])


def sequences(page: str) -> list[dict]:
    return [json.loads(text) for text in re.findall(r'data-sequence="\d+">(.*?)</script>', page, re.DOTALL)]


def test_text_from_outside_cannot_leave_its_place():
    page = made()
    assert sequences(page)[0]["lower"]["texts"][1] == HOSTILE
    assert "<img src=x" not in page and "alert(1)</script>" not in page
    assert page.count("<script") == 4  # data, one sequence, one film, the script: nothing more


def test_nothing_may_be_fetched_and_only_the_pages_own_script_run():
    page = made()
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', page)[1]
    assert "default-src 'none'" in policy and re.search(r"script-src 'sha256-[\w+/=]+';", policy)
    assert not re.search(r"https?://(?!www\.w3\.org)", page)


def test_strip_tells_verdict_and_partner_of_every_clip():
    about = json.loads(re.search(r'id="data">(.*?)</script>', made(), re.DOTALL)[1])
    assert about["sequences"][0]["strip"] == "RRrRWRwR"


def test_headline_counts_what_is_right_or_says_that_nobody_knows():
    right, unknown = ([judged_film(film_sequence(known=known))] for known in (True, False))
    assert "".join(headline(right)) == "Of 8 clips in 1 sequence, 6 are where they belong."
    assert "".join(headline(unknown)).startswith("Of 8 clips in 1 sequence, 6 have found sentences")
