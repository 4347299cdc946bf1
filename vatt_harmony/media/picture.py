"""Decoded frames to uint8 pictures at given presentation times."""

import av
import av.filter
import numpy as np
from numpy.typing import NDArray

# Phones store a turned picture and the degrees (counter-clockwise) that set it upright.
UPRIGHT: dict[int, tuple[tuple[str, str], ...]] = {
    90: (("transpose", "cclock"),),
    -90: (("transpose", "clock"),),
    180: (("hflip", ""), ("vflip", "")),
    -180: (("hflip", ""), ("vflip", "")),
}

Box = tuple[float, float, float, float]
# Matroska stamps whole milliseconds: a frame due at t may carry t + 0.5 ms.
STAMP_ROUNDING = 1e-3


def upright_size(frame: av.VideoFrame) -> tuple[int, int]:
    """Height and width of a frame as it is shown."""
    lying = abs(frame.rotation) == 90
    return (frame.width, frame.height) if lying else (frame.height, frame.width)


class PictureScaler:
    """Sets upright, crops to a box, scales to height x width and converts to RGB inside libavfilter.

    `box` is (y0, x0, y1, x1) as fractions of the upright picture;
    None cuts the largest centred area of the target's aspect.
    """

    def __init__(self, height: int, width: int, box: Box | None = None) -> None:
        self.height, self.width, self.box = height, width, box
        self._key: tuple[int, int, str, int] | None = None
        self._graph: av.filter.Graph | None = None

    def __call__(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """One decoded frame to uint8 `[H, W, 3]`."""
        # Size and format may change inside a stream.
        key = (frame.width, frame.height, frame.format.name, frame.rotation)
        if self._graph is None or key != self._key:
            self._graph, self._key = self._build(frame), key
        self._graph.push(frame)
        scaled = self._graph.pull()
        assert isinstance(scaled, av.VideoFrame)
        # The plane itself: `to_ndarray` takes as long as the scaling of a small picture.
        plane = scaled.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(self.height, plane.line_size)
        return rows[:, : 3 * self.width].reshape(self.height, self.width, 3)

    def _build(self, frame: av.VideoFrame) -> av.filter.Graph:
        top, left, height, width = self._crop(*upright_size(frame))
        graph = av.filter.Graph()
        graph.threads = 1  # starting and waking threads takes longer than a picture, and workers share the cores
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        steps = (
            *(graph.add(name, options) for name, options in UPRIGHT.get(frame.rotation, ())),
            graph.add("crop", f"{width}:{height}:{left}:{top}"),
            graph.add("scale", f"{self.width}:{self.height}:flags=bilinear"),
            graph.add("format", "rgb24"),
            graph.add("buffersink"),
        )
        for before, after in zip((source, *steps), steps, strict=False):
            before.link_to(after)
        graph.configure()
        return graph

    def _crop(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Top, left, height and width of the area to keep, in pixels."""
        if self.box is None:
            scale = min(height / self.height, width / self.width)
            rows, columns = round(self.height * scale), round(self.width * scale)
            return (height - rows) // 2, (width - columns) // 2, rows, columns
        y0, x0, y1, x1 = self.box
        top = min(int(y0 * height), height - 2)
        left = min(int(x0 * width), width - 2)
        return top, left, max(round(y1 * height) - top, 2), max(round(x1 * width) - left, 2)


class PictureSink:
    """Takes frames in order of time and keeps, for each target time, the last frame that is not later."""

    def __init__(self, times: NDArray[np.float64], scaler: PictureScaler) -> None:
        self.first: float | None = None
        self.end = 0.0
        self._order: list[int] = np.argsort(times, kind="stable").tolist()
        self._due: list[float] = [*np.sort(times).tolist(), np.inf]  # ended by a time that never comes
        self._scaler = scaler
        self._filled = 0
        self._last: av.VideoFrame | None = None
        self._pictures = np.empty((len(times), scaler.height, scaler.width, 3), np.uint8)

    @property
    def full(self) -> bool:
        """Whether every target time has its picture."""
        return self._filled == len(self._order)

    def push(self, frame: av.VideoFrame, time: float, duration: float) -> None:
        """Take the frame shown from `time` for `duration` (seconds)."""
        if self.first is None:
            self.first, self._last = time, frame
        self._fill_before(time)
        self._last = frame
        self.end = time + duration

    def finish(self) -> NDArray[np.uint8] | None:
        """Pictures uint8 `[T, H, W, 3]` in the order of the target times; None when no frame came."""
        if self._last is None:
            return None
        self._fill_before(np.inf)
        return self._pictures

    def _fill_before(self, time: float) -> None:
        picture: NDArray[np.uint8] | None = None
        while self._due[self._filled] < time - STAMP_ROUNDING:
            assert self._last is not None
            picture = self._scaler(self._last) if picture is None else picture
            self._pictures[self._order[self._filled]] = picture
            self._filled += 1
