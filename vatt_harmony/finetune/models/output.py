"""What an encoder gives to fusions and unimodal heads."""

from typing import NamedTuple

from torch import Tensor


class EncoderOutput(NamedTuple):
    """Features of B clips of one modality; the pooled ones come first, where a `Balancer` looks for them."""

    pooled: Tensor
    """`[B, D]`."""
    tokens: Tensor | None = None
    """`[B, N, E]`, only where the fusion reads tokens; never the tensor that `pooled` was computed from, so that what
    scales the gradient of both acts once on each path."""
    mask: Tensor | None = None
    """bool `[B, N]`: tokens that are not padding; None where all are."""

    def where(self, present: Tensor) -> "EncoderOutput":
        """Zeros for the clips where bool `present` `[B]` is false: what a removed modality gives to a fusion."""
        pooled = self.pooled.masked_fill(~present[:, None], 0)
        tokens = self.tokens if self.tokens is None else self.tokens.masked_fill(~present[:, None, None], 0)
        return EncoderOutput(pooled, tokens, self.mask)

    def spread(self, rows: Tensor, clips: int) -> "EncoderOutput":
        """These features as rows int64 `[B]` of as many `clips`; the others are zeros, whose tokens are no padding."""

        def placed(values: Tensor) -> Tensor:
            return values.new_zeros(clips, *values.shape[1:]).index_copy(0, rows, values)

        tokens = None if self.tokens is None else placed(self.tokens)
        mask = None if self.mask is None else ~placed(~self.mask)
        return EncoderOutput(placed(self.pooled), tokens, mask)
