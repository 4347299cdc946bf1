"""Rows that a trained aligner is compared with: rules without features, and alignments of given similarities."""
