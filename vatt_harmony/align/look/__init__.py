"""Alignments to look at: records, subtitles, and a page with the film."""
