"""How a step goes through the trunk: once with graph, or twice in chunks."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch

from vatt_harmony.engine.cached import encode_cached, encode_chunk, plan, rows_with_gradient
from vatt_harmony.engine.encode import Encoded, Encoder, encode, valid_rows
from vatt_harmony.engine.surrogate import Gathered, Judged
from vatt_harmony.errors import UserError
from vatt_harmony.model.config import ModelConfig
from vatt_harmony.stream.batch import Batch


def check_chunk(chunk: int, model: ModelConfig) -> None:
    """Raise UserError if chunks would change what the trunk computes."""
    if chunk and model.drop_mode == "per_batch":
        raise UserError(
            f"model.drop_mode is per_batch, and engine.chunk is {chunk}",
            "Each chunk would keep other tokens than the batch as a whole: the second pass would not repeat the first",
            "Set model.drop_mode to per_sample, or engine.chunk to 0",
        )


class Part(NamedTuple):
    """What one backward goes through."""

    encoded: Encoded
    """With graph."""
    share: float
    """Share of the heads' gradients that this backward hands on; the shares of a step sum to 1."""
    last: bool
    """Whether the step's gradient is complete after it."""


class Passes(Protocol):
    """One way through the trunk."""

    def encode(self, batch: Batch) -> Encoded:
        """The whole batch of a rank, for losses and harmonizer. All ranks must call it together."""

    def parts(self, batch: Batch, encoded: Encoded, gathered: Gathered, judged: Judged) -> Iterator[Part]:
        """What is to be back-propagated, one after the other. All ranks must go through them together."""


class OnePass:
    """The whole batch at once: 3/3 of the work, the graph of all samples in memory."""

    def __init__(self, encoder: Encoder, device: torch.device) -> None:
        self.encoder, self.device = encoder, device

    def encode(self, batch: Batch) -> Encoded:
        """With graph."""
        return encode(self.encoder, batch, self.device)

    def parts(self, batch: Batch, encoded: Encoded, gathered: Gathered, judged: Judged) -> Iterator[Part]:
        """The batch that was encoded."""
        yield Part(encoded, 1.0, True)


class TwoPass:
    """In chunks of samples: the graph of one chunk in memory, (1 + 3 * share of rows with gradient)/3 of the work."""

    def __init__(self, encoder: Encoder, device: torch.device, chunk: int, dropout: float) -> None:
        """`chunk`: samples at a time; `dropout`: of the trunk, which keeps the chunks of both passes the same."""
        self.encoder, self.device = encoder, device
        self.chunk, self.replay = chunk, dropout > 0

    def encode(self, batch: Batch) -> Encoded:
        """Without graph."""
        chunks = plan(valid_rows(batch), self._sizes(batch), self.device)
        return encode_cached(self.encoder, batch, self.device, chunks)

    def parts(self, batch: Batch, encoded: Encoded, gathered: Gathered, judged: Judged) -> Iterator[Part]:
        """The rows that send a gradient into the trunk, encoded again; with dropout all."""
        rows = valid_rows(batch) if self.replay else rows_with_gradient(gathered, judged)
        chunks = plan(rows, self._sizes(batch), self.device)
        final = len(chunks) - 1
        for number, chunk in enumerate(chunks):
            # In the first and in the last backward, for the reasons that `plan` gives.
            share = ((number == 0) + (number == final)) / 2
            yield Part(encode_chunk(self.encoder, batch, self.device, chunk), share, number == final)

    def _sizes(self, batch: Batch) -> dict[str, int]:
        return {"video": self.chunk, "audio": self.chunk, "text": self.chunk * batch.text.shape[1]}
