"""Sequences to align from public annotations, from captions, and made ones with a known truth."""
