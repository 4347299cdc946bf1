"""The pairs of modalities, spelled once for heads, losses and measures."""

PAIRS: dict[str, tuple[str, str]] = {
    "video_audio": ("video", "audio"),
    "video_text": ("video", "text"),
    "audio_text": ("audio", "text"),
}
"""Pair -> (branch of the anchor, branch of its partners)."""
