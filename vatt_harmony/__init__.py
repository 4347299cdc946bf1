"""Pretrain video-audio-text encoders whose contrastive losses do not fight each other."""

__version__ = "0.1.0"
