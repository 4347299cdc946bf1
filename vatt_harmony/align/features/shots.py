"""Where the clips of a film begin and end."""

from pathlib import Path

import numpy as np

from vatt_harmony.align.sequence import Floats
from vatt_harmony.errors import UserError
from vatt_harmony.media.decode import probe
from vatt_harmony.media.errors import MediaError

SHORTEST_SHOT = 0.5
"""Seconds; the detector's own bound counts frames, whatever their rate."""
SHORTEST_REST = 0.5
"""Share of a window below which the rest of a film joins the window before it."""


def fixed_windows(path: Path, seconds: float, start: float = 0.0, end: float = np.inf) -> Floats:
    """Clips of `seconds` [N, 2] from `start` to `end` of a film; raises MediaError when it cannot be read."""
    start, end = _extent(path, start, end)
    count = max(1, int((end - start) / seconds + 1 - SHORTEST_REST))
    edges = np.append(start + seconds * np.arange(count), end)
    return np.stack([edges[:-1], edges[1:]], axis=1)


def detected_shots(path: Path, start: float = 0.0, end: float = np.inf) -> Floats:
    """The shots [N, 2] of a film from `start` to `end`, by PySceneDetect's adaptive detector.

    Raises MediaError when the film cannot be read, UserError when the package is missing.
    """
    try:
        from scenedetect import AdaptiveDetector, SceneManager, open_video
    except ImportError as error:
        raise UserError(
            f"Shots are found by PySceneDetect, which cannot be imported ({error})",
            "The film cannot be cut at its shots",
            "Install the extra: pip install vatt-harmony[shots], or cut it evenly: --shots fixed --window 3",
        ) from error
    first, last = _extent(path, start, end)
    manager = SceneManager()
    manager.add_detector(AdaptiveDetector(min_scene_len=SHORTEST_SHOT))
    manager.detect_scenes(open_video(str(path), backend="pyav"))  # what decodes the clips, too
    # The detector counts from the first picture, which may stand behind the first sound.
    shift = probe(path).video_start
    cuts = [scene[0].seconds + shift for scene in manager.get_scene_list()[1:]]
    edges = np.array([first, *(cut for cut in cuts if first < cut < last), last])
    return np.stack([edges[:-1], edges[1:]], axis=1)


def _extent(path: Path, start: float, end: float) -> tuple[float, float]:
    """The part of [start, end] seconds in which there is a picture."""
    info = probe(path)
    if not info.has_video:
        raise MediaError("no video stream", str(path))
    first, last = max(start, info.video_start), min(end, info.video_end)
    if not first < last < np.inf:
        raise UserError(
            f"{path} has pictures from {info.video_start:.3f} to {info.video_end:.3f} s, none in the part that is "
            f"asked for ({start:.3f} to {end:.3f} s)",
            "It cannot be cut into clips",
            "Give a film with pictures, and start and end within it",
        )
    return first, last
