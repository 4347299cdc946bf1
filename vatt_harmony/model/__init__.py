"""Tokens to representations: VATT, its heads, and its Hugging Face form. Self-contained, so that exports carry it."""
