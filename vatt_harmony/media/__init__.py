"""Bytes of a media file to frames, samples and captions, by presentation time, and back."""
