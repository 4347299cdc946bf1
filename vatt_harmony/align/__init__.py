"""Sequences of clips with sequences of sentences: NeuMATCH, its data-efficient training, its baselines."""
