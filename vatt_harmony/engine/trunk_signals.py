"""Signals that need the trunk, not only its output: `last_block`, `exact` and `batch`.

`last_block` and `exact` compare each sample's gradients of one or all blocks of the shared encoder. They replay a block
from its input tokens, which the step's forward leaves behind, and so never touch a parameter's gradient. `batch` is the
classical form: the gradients of the global batch, one backward of the trunk for each loss.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
import torch.distributed as dist
from torch import Tensor, nn

from vatt_harmony.engine.encode import Encoded
from vatt_harmony.engine.surrogate import Gathered
from vatt_harmony.errors import UserError
from vatt_harmony.harmony.block_gram import Cotangents, block_gram
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.harmony.signals import Gradients
from vatt_harmony.model.encoder import Encoder
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.objective.gather import gather_rows

_REPLAYING = ("last_block", "exact")
_OF_TRUNK = (*_REPLAYING, "batch")
_REFUSED = {
    "exact": "it runs every block of the trunk once more for each loss and branch, and is made for models that fit "
    "one device whole",
    "batch": "it holds the whole trunk's gradient of every loss on every rank, the memory that this stage is to save",
}
Kept = dict[nn.Module, list[tuple[Tensor, Tensor | None]]]
"""What a forward leaves behind, one entry for each branch through the module, in their order: of a block that is to be
replayed the input tokens `[n, T, D]`, detached, and their mask; of the encoder for `batch` z `[n, D]` with graph."""


def check_signal(harmony: HarmonyConfig, stage: int, dropout: float, chunk: int) -> None:
    """Raise UserError if the signal cannot be had at this ZeRO stage, with this dropout or in two passes."""
    signal = harmony.signal
    if not harmony.enabled:
        return
    if signal in _OF_TRUNK and chunk:
        raise UserError(
            f"harmony.signal is {signal}, which needs what a forward leaves in the trunk, and engine.chunk is {chunk}",
            "The first of two passes keeps nothing of it",
            "Set engine.chunk to 0, or harmony.signal to last_linear or representation",
        )
    if signal == "batch" and (harmony.curriculum.kind != "none" or harmony.ledger.enabled):
        raise UserError(
            f"harmony.signal is batch, one comparison for all samples, with curriculum.kind {harmony.curriculum.kind} "
            f"and ledger.enabled {str(harmony.ledger.enabled).lower()}",
            "It says nothing of a sample, so there is none to drop or to draw less often",
            "Set curriculum.kind to none and ledger.enabled to false, or harmony.signal to last_linear",
        )
    if signal in _REFUSED and stage > 1:
        raise UserError(
            f"harmony.signal is {signal} at ZeRO stage {stage}: {_REFUSED[signal]}",
            "The run would be slow or out of memory",
            f"Use ZeRO stage 0 or 1 with {signal}; last_linear, representation and last_block work at every stage",
        )
    if signal in _REPLAYING and dropout > 0:
        raise UserError(
            f"harmony.signal is {signal}, which runs blocks a second time, and model.dropout is {dropout}",
            "The second run would draw another dropout: its gradients would not be those of the step",
            "Set model.dropout to 0, or harmony.signal to last_linear, representation or batch",
        )


@contextmanager
def keeping(model: Vatt, harmony: HarmonyConfig) -> Iterator[Kept]:
    """Around `encode`: keeps what the signal will need, the input tokens of the last block or of all blocks at most."""
    kept: Kept = {}

    def keep_input(block: nn.Module, arguments: tuple[Tensor, Tensor | None]) -> None:
        tokens, mask = arguments
        kept.setdefault(block, []).append((tokens.detach(), mask))

    def keep_output(encoder: nn.Module, _: object, output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        z, hidden = output
        kept.setdefault(encoder, []).append((z, None))
        # An engine begins its own backward when a gradient reaches what it returns: let that be another tensor.
        return z.view_as(z), hidden

    encoder, signal = _encoder(model), harmony.signal if harmony.enabled else None
    replayed = {"last_block": encoder.blocks[-1:], "exact": encoder.blocks}.get(signal or "", ())
    handles = [block.register_forward_pre_hook(keep_input) for block in replayed]
    if signal == "batch":
        handles.append(encoder.register_forward_hook(keep_output))
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()


def trunk_gram_of(
    model: Vatt, harmony: HarmonyConfig, encoded: Encoded, kept: Kept, gathered: Gathered
) -> Callable[[Gradients], Tensor] | None:
    """`trunk_gram` as a function of u; None for a signal that needs no trunk."""
    if harmony.signal not in _OF_TRUNK:
        return None
    return partial(trunk_gram, model=model, harmony=harmony, encoded=encoded, kept=kept, gathered=gathered)


def trunk_gram(
    u: Gradients, model: Vatt, harmony: HarmonyConfig, encoded: Encoded, kept: Kept, gathered: Gathered
) -> Tensor:
    """Gram `[B, M, M]` of the global batch, fp32 or better, of `last_block` or `exact`, times B², or of `batch`.

    u: loss → branch → gradient at the gathered z `[B, D]` or `[B, K, D]`; kept: what `keeping` kept of the forward
    that gave `encoded`, used up here. Only branches that the harmonizer compares count; missing rows are zero. Equal on
    all ranks and independent of their number. All ranks must call it together, before the step's backward.
    """
    compared = harmony.compared(model.shared_branches)
    reached = {loss: {b: g for b, g in gradients.items() if b in compared} for loss, gradients in u.items()}
    units = _units(reached, gathered)
    if harmony.signal == "batch":
        units = units.amax(dim=0, keepdim=True).expand_as(units)
    own = {
        loss: {b: encoded.collect(b, gathered.own(g / unit.view(-1, *[1] * (g.dim() - 1)))) for b, g in ends.items()}
        for unit, (loss, ends) in zip(units.unbind(dim=1), reached.items(), strict=True)
    }
    if harmony.signal == "batch":
        gram = _batch_gram(model, own, kept, gathered.world_size).expand(len(units), -1, -1)
    else:
        # Times B², as the signals at the trunk's output: weights of the rule nash depend on it.
        gram = gather_rows([_blocks_gram(model, own, encoded, kept)])[0] * len(units) ** 2
    return gram * units[:, :, None] * units[:, None, :]


def _encoder(model: Vatt) -> Encoder:
    """The encoder that more than one loss reaches."""
    encoder = model.encoders[model.encoder_of("video")]
    assert isinstance(encoder, Encoder)
    return encoder


def _blocks_gram(model: Vatt, own: Cotangents, encoded: Encoded, kept: Kept) -> Tensor:
    """Gram `[b, M, M]` of this rank's samples, block by block from the last on."""

    def spread(branch: str, values: Tensor) -> Tensor:
        samples = len(encoded.valid[branch])
        return encoded.spread(branch, values.flatten(1)).view(samples, -1, values.shape[-1])

    first, grams = next(iter(kept)), []
    while kept:
        block, calls = kept.popitem()
        sequences = dict(zip(model.shared_branches, calls, strict=True))
        gram, own = block_gram(block, sequences, own, spread, below=block is not first)
        grams.append(gram)
    return torch.stack(grams).sum(dim=0)


def _batch_gram(model: Vatt, own: Cotangents, kept: Kept, world_size: int) -> Tensor:
    """Gram `[M, M]` of the global batch's gradients of all parameters of the shared encoder."""
    encoder, losses = _encoder(model), []
    parameters = list(encoder.parameters())
    outputs = dict(zip(model.shared_branches, kept.pop(encoder), strict=True))
    for ends in own.values():
        z = [outputs[branch][0] for branch in ends]
        cotangents = [cotangent.to(rows.dtype) for rows, cotangent in zip(z, ends.values(), strict=True)]
        found = torch.autograd.grad(z, parameters, cotangents, retain_graph=True) if z else parameters
        losses.append(found if z else [torch.zeros_like(parameter) for parameter in parameters])
    grams = []
    for gradients in zip(*losses, strict=True):
        flat = torch.stack([g.detach().to(torch.promote_types(torch.float32, g.dtype)).flatten() for g in gradients])
        if world_size > 1:
            # Before the products: a sum of the ranks' Grams would lack those between gradients of two ranks.
            dist.all_reduce(flat)
        grams.append(flat @ flat.T)
    return torch.stack(grams).sum(dim=0)


def _units(reached: Gradients, gathered: Gathered) -> Tensor:
    """Largest absolute value of every sample's gradients of each loss `[B, M]`; 1 where all are zero.

    In these units they survive the half precision of a trunk.
    """
    some = next(g for gradients in reached.values() for g in gradients.values())
    none = some.new_zeros(len(some), 1)
    largest = [
        torch.cat([none, *[g.flatten(1).abs() for g in gradients.values()]], dim=1).amax(dim=1)
        for gradients in reached.values()
    ]
    units = torch.stack(largest, dim=1)
    return torch.where(units > 0, units, 1.0)
