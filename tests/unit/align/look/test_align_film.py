"""Films of a page: copies within a budget, addresses otherwise, and a picture of each clip."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from support.aligned_film import CLIPS, film_sequence, write_film

from vatt_harmony.align.look.film import films
from vatt_harmony.media.decode import probe


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("a film") / "film #1.mp4")


def made(film: Path, megabytes: float):
    spans = film_sequence().clips.spans
    return films([(str(film), spans)], film.parent / "out", megabytes, Console(quiet=True))


def test_a_small_film_travels_inside_the_page_with_a_picture_of_each_clip(film):
    found, failures = made(film, 24.0)
    shown = found[str(film)]
    assert shown.address is None and not failures
    assert probe(shown.data).has_audio and probe(shown.data).duration == pytest.approx(16, abs=0.2)
    greys = [np.asarray(Image.open(io.BytesIO(picture))).mean() for picture in shown.pictures]
    assert len(greys) == CLIPS
    np.testing.assert_allclose(greys, np.linspace(30, 220, CLIPS), atol=12)


def test_a_film_without_room_is_referred_to_beside_the_page(film):
    shown = made(film, 0.0)[0][str(film)]
    assert shown.data is None
    assert shown.address == "../film%20%231.mp4"
    assert len(shown.pictures) == CLIPS


def test_what_cannot_be_read_is_counted_by_reason(film, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    spans = np.array([[0.0, 1.0]])
    found, failures = films([("nowhere.mp4", spans), (str(broken), spans)], tmp_path, 24.0, Console(quiet=True))
    assert found == {}
    assert failures == {"container open": 1, "not found": 1}
