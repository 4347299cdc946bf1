"""Small random batches and models for tests of the step."""

from vatt_harmony.scale.tiny import random_batch, rows_of, tiny_config, tiny_model, tiny_specific, with_audio

__all__ = ["random_batch", "rows_of", "tiny_config", "tiny_model", "tiny_specific", "with_audio"]
