"""What has no features is left out of a film and of its truth, and is counted."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from vatt_harmony.align.features.encode import encode_film
from vatt_harmony.align.features.encoder import Rows
from vatt_harmony.align.sequence import AlignmentSequence, Stream
from vatt_harmony.downstream.items import Failures
from vatt_harmony.errors import UserError
from vatt_harmony.media.errors import MediaError

TEXTS = ("one", "…", "three")
PAIRS = np.array([[0, 0], [1, 0], [2, 1], [3, 2]])


class Told:
    """An encoder that gives what it was told to give."""

    fingerprint = "told"

    def __init__(self, rows: Sequence[float | str], joint: bool = True, broken: bool = False) -> None:
        self.rows, self.joint, self.broken = rows, joint, broken

    def clips(self, film: AlignmentSequence) -> Iterator[Rows | str]:
        if self.broken:
            raise MediaError("container open", "gone")
        for row in self.rows:
            value = np.full((1, 3), row, np.float32) if not isinstance(row, str) else None
            yield str(row) if value is None else Rows(value, value[:, :2] if self.joint else None)

    def texts(self, film: str, texts: Sequence[str]) -> Rows:
        return Rows(np.array([[len(text)] * 4 for text in texts], np.float32), np.ones((len(texts), 2), np.float32))


def film(clips: int = 4, texts: tuple[str, ...] = TEXTS) -> AlignmentSequence:
    spans = np.arange(2.0 * clips).reshape(-1, 2)
    unknown = np.full((len(texts), 2), np.nan)
    streams = (
        Stream(name="clips", spans=spans, features=np.zeros((clips, 0), np.float32)),
        Stream(name="sentences", spans=unknown, features=np.zeros((len(texts), 0), np.float32), texts=texts),
    )
    return AlignmentSequence(name="film", group="film", streams=streams, pairs=PAIRS)


def test_broken_clips_and_empty_sentences_leave_with_their_pairs() -> None:
    failures = Failures()
    found = encode_film(film(), Told([0.0, "decode error", 2.0, 3.0]), Told([]), failures)
    assert found is not None and found.lengths == (3, 2)
    assert found.clips.features[:, 0].tolist() == [0.0, 2.0, 3.0] and found.clips.spans[1].tolist() == [4.0, 5.0]
    assert found.sentences.texts == ("one", "three") and found.sentences.features[:, 0].tolist() == [3.0, 5.0]
    assert found.pairs is not None and found.pairs.tolist() == [[0, 0], [2, 1]]
    assert dict(failures.counts) == {"clip: decode error": 1, "sentence: empty text": 1}
    assert failures.first["clip: decode error"] == "film, clip 1" and found.has_joint


def test_a_shared_space_needs_both_sides() -> None:
    found = encode_film(film(), Told([0.0] * 4, joint=False), Told([]), Failures())
    assert found is not None and not found.has_joint and all(stream.joint is None for stream in found.streams)


@pytest.mark.parametrize(
    ("clips", "texts", "reason"),
    [
        (Told(["too short"] * 4), TEXTS, "film: no clip left"),
        (Told([0.0] * 4), ("—", " "), "film: no sentence left"),
        (Told([], broken=True), TEXTS, "film: container open"),
    ],
)
def test_a_film_of_which_nothing_is_left(clips: Told, texts: tuple[str, ...], reason: str) -> None:
    failures = Failures()
    assert encode_film(film(texts=texts), clips, Told([]), failures) is None
    assert failures.counts[reason] == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_one_clear_error(value: float) -> None:
    with pytest.raises(UserError, match=r"film: the features of 1 of 4 clips are not finite \(the first is number 2\)"):
        encode_film(film(), Told([0.0, 1.0, value, 3.0]), Told([]), Failures())
