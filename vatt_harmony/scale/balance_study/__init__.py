"""The study behind row 04.4: what balancing the modalities of small real networks is worth."""
