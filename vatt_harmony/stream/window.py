"""Which seconds of a clip are shown, and which of its captions stand beside them."""

from collections.abc import Sequence

import numpy as np

from vatt_harmony.media.captions import Caption


def random_start(common: tuple[float, float], seconds: float, generator: np.random.Generator) -> float:
    """Start of a window, uniform over where it fits into the interval all streams share; a short clip starts it."""
    first, last = common
    if not np.isfinite(last) or last - first <= seconds:
        return first
    return first + float(generator.random()) * (last - first - seconds)


def spaced_start(common: tuple[float, float], seconds: float, window: int, windows: int) -> float:
    """Start of window number `window` of `windows`, linearly spaced over the clip; a single one in its middle."""
    first, last = common
    if not np.isfinite(last) or last - first <= seconds:
        return first
    share = window / (windows - 1) if windows > 1 else 0.5
    return first + share * (last - first - seconds)


def choose_candidates(
    captions: Sequence[Caption], start: float, end: float, most: int, generator: np.random.Generator
) -> list[str]:
    """Up to `most` sentences: the window's own first, then its neighbours in time.

    The window's own overlaps [start, end] seconds longest, or else is nearest. From there the group grows toward
    the neighbour that gives the shorter span in time (MIL-NCE). Captions that tie, such as several of the whole
    clip, are ordered by chance.
    """
    captions = [caption for caption in captions if caption.text.strip()]
    if not captions:
        return []
    shuffled = [captions[i] for i in np.argsort(generator.random(len(captions)), kind="stable")]
    ordered = sorted(shuffled, key=lambda caption: (caption.start, caption.end))
    own = min(range(len(ordered)), key=lambda i: _distance(ordered[i], start, end))
    chosen, left, right = [own], own - 1, own + 1
    while len(chosen) < most and (left >= 0 or right < len(ordered)):
        if right >= len(ordered) or (left >= 0 and _span(ordered, left, right - 1) < _span(ordered, left + 1, right)):
            chosen.append(left)
            left -= 1
        else:
            chosen.append(right)
            right += 1
    return [ordered[i].text for i in chosen]


def _distance(caption: Caption, start: float, end: float) -> float:
    """Seconds between caption and window; where they overlap, the overlap as a negative number."""
    return max(caption.start, start) - min(caption.end, end)


def _span(ordered: Sequence[Caption], first: int, last: int) -> float:
    return max(caption.end for caption in ordered[first : last + 1]) - ordered[first].start
