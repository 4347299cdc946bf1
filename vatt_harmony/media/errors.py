"""Why a media file gave no sample: one exception, with the reason under which the loss is counted."""

from typing import Literal

Reason = Literal[
    "container open",
    "no video stream",
    "no audio stream",
    "too short",
    "decode error",
    "silent audio",
    "desync",
    "no caption",
]


class MediaError(Exception):
    """A media file that cannot be used; `reason` is the ledger's key, `detail` is for people."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason: Reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
