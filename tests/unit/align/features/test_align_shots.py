"""Where clips begin and end: fixed windows, and the shots that PySceneDetect finds."""

import sys
from pathlib import Path

import numpy as np
import pytest
from support.films import write_film

from vatt_harmony.align.features.shots import detected_shots, fixed_windows
from vatt_harmony.errors import UserError
from vatt_harmony.media.decode import read_window
from vatt_harmony.media.errors import MediaError


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", [3.0, 2.5, 4.0], drift=0)


@pytest.mark.parametrize(
    ("seconds", "start", "end", "edges"),
    [
        (3.0, 0.0, np.inf, [0, 3, 6, 9.5]),  # half a second would be too little for a clip of its own
        (2.5, 0.0, np.inf, [0, 2.5, 5, 7.5, 9.5]),
        (2.0, 1.0, 4.0, [1, 3, 4]),
        (20.0, 0.0, np.inf, [0, 9.5]),
    ],
)
def test_fixed_windows(film: Path, seconds: float, start: float, end: float, edges: list[float]) -> None:
    found = fixed_windows(film, seconds, start, end)
    np.testing.assert_allclose(found, np.stack([edges[:-1], edges[1:]], axis=1), atol=1e-6)


def test_shots_begin_where_the_picture_changes(film: Path) -> None:
    pytest.importorskip("scenedetect")
    np.testing.assert_allclose(detected_shots(film), [[0, 3], [3, 5.5], [5.5, 9.5]], atol=1e-3)
    np.testing.assert_allclose(detected_shots(film, 1.0, 5.0), [[1, 3], [3, 5]], atol=1e-3)


def test_shots_of_a_film_whose_picture_begins_late(data_root: Path) -> None:
    pytest.importorskip("scenedetect")
    film = data_root / "film/googlework_short.mp4"
    shots = detected_shots(film)
    assert len(shots) > 10 and shots[0, 0] == pytest.approx(0.834) and (shots[1:, 0] == shots[:-1, 1]).all()
    jumps = []
    for cut in shots[1:, 0]:
        pictures = read_window(film, cut - 0.05, 2, 20.0, 8000, size=32).video
        assert pictures is not None
        jumps.append(np.abs(pictures[1].astype(float) - pictures[0]).mean())
    assert np.median(jumps) > 20  # pictures before and behind a cut differ


def test_what_cannot_be_cut(data_root: Path, film: Path) -> None:
    with pytest.raises(MediaError, match="no video stream"):
        fixed_windows(data_root / "narrated/physicsworks_audio.webm", 3.0)
    with pytest.raises(UserError, match="none in the part"):
        fixed_windows(film, 3.0, 10.0)


def test_a_missing_package_is_named(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scenedetect", None)
    with pytest.raises(UserError, match=r"pip install vatt-harmony\[shots\]"):
        detected_shots(film)
