import io

import av
import numpy as np

from vatt_harmony.conflicts.preview import LONGEST_SECONDS, SHORT_SIDE, preview
from vatt_harmony.media.encode import encode_clip
from vatt_harmony.shards.sample import Sample


def stored(seconds: float, height: int, width: int, sound: bool = True) -> bytes:
    buffer = io.BytesIO()
    frames = np.zeros((round(seconds * 4), height, width, 3), np.uint8)
    tone = np.sin(np.arange(round(seconds * 8000)) / 5).astype(np.float32)
    encode_clip(buffer, video=frames, fps=4.0, audio=tone if sound else None, sample_rate=8000)
    return buffer.getvalue()


def test_a_preview_is_small_short_and_playable():
    sample = Sample(key="1", source="s", video=stored(LONGEST_SECONDS + 3, 180, 320))
    with av.open(io.BytesIO(preview(sample))) as clip:
        video, audio = clip.streams.video[0], clip.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert video.codec_context.pix_fmt == "yuv420p"
        assert (video.codec_context.height, video.codec_context.width) == (SHORT_SIDE, 228)
        assert abs(clip.duration / 1e6 - LONGEST_SECONDS) < 0.2


def test_sound_from_its_own_file_or_not_at_all():
    sound = io.BytesIO()
    encode_clip(sound, audio=np.ones(8000, np.float32) / 2, sample_rate=8000)
    silent = stored(1.0, 32, 32, sound=False)
    with av.open(io.BytesIO(preview(Sample(key="1", source="s", video=silent, audio=sound.getvalue())))) as clip:
        assert clip.streams.audio
    with av.open(io.BytesIO(preview(Sample(key="1", source="s", video=silent)))) as clip:
        assert not clip.streams.audio
