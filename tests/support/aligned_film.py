"""A made film whose clips are seen and heard to differ, with sentences, their truth, and alignments made by hand."""

from pathlib import Path

import numpy as np

from vatt_harmony.align.decode import Prediction
from vatt_harmony.align.look.judged import Judged, judge
from vatt_harmony.align.sequence import NULL, AlignmentSequence, Stream, pairs_of
from vatt_harmony.media.encode import encode_clip

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> {{films}} & \u2028"
TEXTS = ("a red square", HOSTILE, "nobody sees this", "a blue square\nand a second line --> with an arrow", "the end")
SECONDS, CLIPS, FPS = 2.0, 8, 10.0
LABELS = (0, 0, NULL, 1, 1, 3, 4, 4)
OWNERS = (0, 0, NULL, 1, 3, 3, NULL, 4)
"""Found: clip 4 is wrong, clip 6 wrongly has no sentence, sentence 2 rightly no clip."""


def write_film(path: Path, clips: int = CLIPS) -> Path:
    """Clips of two seconds, each in a grey and with a tone of its own."""
    frames, rate = round(SECONDS * FPS), 16000
    video = np.repeat(np.linspace(30, 220, clips).astype(np.uint8), frames)[:, None, None, None]
    time = np.arange(round(clips * SECONDS * rate)) / rate
    audio = 0.2 * np.sin(2 * np.pi * 220 * (1 + time // SECONDS) * time)
    encode_clip(
        path,
        video=np.ascontiguousarray(np.broadcast_to(video, (clips * frames, 48, 64, 3))),
        fps=FPS,
        audio=audio.astype(np.float32),
        sample_rate=rate,
    )
    return path


def film_sequence(name: str = "film", media: Path | None = None, known: bool = True) -> AlignmentSequence:
    """The clips and sentences of the film; features are noise."""
    starts = SECONDS * np.arange(CLIPS)
    generator = np.random.default_rng(0)

    def features(count: int) -> np.ndarray:
        return generator.normal(size=(count, 6)).astype(np.float32)

    clips = Stream(name="clips", spans=np.stack([starts, starts + SECONDS], axis=1), features=features(CLIPS))
    spans = np.full((len(TEXTS), 2), np.nan)
    sentences = Stream(name="sentences", spans=spans, features=features(len(TEXTS)), texts=TEXTS)
    pairs = pairs_of(np.array(LABELS)) if known else None
    return AlignmentSequence(
        name=name, group=name, streams=(clips, sentences), pairs=pairs, media=str(media) if media else None
    )


def made_prediction(found: np.ndarray) -> Prediction:
    """An alignment with these pairs `[P, S]`, in which every step had probability 0.75."""
    return Prediction(pairs=found, probabilities=np.full(len(found), 0.75), score=0.0)


def judged_film(sequence: AlignmentSequence, owners: tuple[int, ...] = OWNERS) -> Judged:
    """The film with an alignment made by hand."""
    (judged,) = judge(sequence, made_prediction(pairs_of(np.array(owners))))
    return judged
