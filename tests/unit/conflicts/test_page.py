import base64
import hashlib
import html
import json
import re

import numpy as np

from vatt_harmony.conflicts.findings import Sentence
from vatt_harmony.conflicts.page import column, render

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> {{clips}} & \u2028 \udc80"


def made(**data: object) -> str:
    return render(Sentence("Of 3 clips, ", "2 <b>", " end."), ["first & note", "second"], data, {4: b"\x00\xffclip"})


def data_of(page: str) -> dict[str, object]:
    inside = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert inside is not None
    return json.loads(inside[1])


def test_text_from_outside_cannot_leave_its_place():
    page = made(keys=[HOSTILE])
    assert data_of(page) == {"keys": [HOSTILE]}
    assert "<img src=x" not in page and "alert(1)</script>" not in page
    assert page.count("<script") == 3  # data, one clip, the script: nothing more
    assert "2 &lt;b&gt;" in page and "first &amp; note" in page


def test_only_the_pages_own_script_may_run():
    page = made()
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    policy = html.unescape(re.search(r'Content-Security-Policy" content="(.*?)"', page)[1])
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    assert not re.search(r"https?://(?!www\.w3\.org)", page)


def test_clips_and_columns_come_back_as_they_were():
    page = made()
    clip = re.search(r'data-clip="4">(.*?)</script>', page)
    assert clip is not None and base64.b64decode(clip[1]) == b"\x00\xffclip"
    assert np.frombuffer(base64.b64decode(column(np.array([1.5, -2]), "f4")), "<f4").tolist() == [1.5, -2]
