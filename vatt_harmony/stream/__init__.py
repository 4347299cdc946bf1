"""Shards as an endless, exactly resumable sequence of batches; `stream.Stream` is the door."""
