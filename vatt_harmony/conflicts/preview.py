"""Clips small enough to travel inside a page."""

import io

from vatt_harmony.media.decode import open_media
from vatt_harmony.media.encode import encode_clip
from vatt_harmony.shards.sample import Sample

SHORT_SIDE = 128
FPS = 10.0
SAMPLE_RATE = 24000
LONGEST_SECONDS = 8.0
CRF = 30
BIT_RATE = 32000


def preview(sample: Sample) -> bytes:
    """The first seconds of a sample as H.264 and AAC in mp4, which browsers play.

    Always encoded anew: whatever else the stored file holds stays out of the page. Raises MediaError.
    """
    data = sample.video or sample.image or sample.audio
    assert data is not None, sample.name  # a sample without media is not made
    with open_media(data, sample.audio if data is not sample.audio else None) as media:
        start, end = media.info.common
        frames = max(round(min(end - start, LONGEST_SECONDS) * FPS), 1)
        height, width = _size(*media.upright_size())
        window = media.read_window(start, frames, FPS, SAMPLE_RATE, height=height, width=width, min_seconds=0.0)
    buffer = io.BytesIO()
    encode_clip(
        buffer,
        video=window.video,
        fps=FPS,
        audio=window.audio,
        sample_rate=SAMPLE_RATE,
        crf=CRF,
        bit_rate=BIT_RATE,
    )
    return buffer.getvalue()


def _size(height: int, width: int) -> tuple[int, int]:
    """Even, the clip's aspect, the short side at most SHORT_SIDE."""
    scale = min(SHORT_SIDE / max(min(height, width), 1), 1.0)
    return max(round(height * scale / 2) * 2, 2), max(round(width * scale / 2) * 2, 2)
