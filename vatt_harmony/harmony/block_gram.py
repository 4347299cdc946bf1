"""Inner products of the losses' gradients of one block's parameters, from a replay of that block alone."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from vatt_harmony.harmony.layer_gram import layer_gram

Sequences = Mapping[str, tuple[Tensor, Tensor | None]]
"""Branch → input tokens of a block `[N, T, D]`, detached, and their mask."""
Cotangents = Mapping[str, Mapping[str, Tensor]]
"""Loss → branch → gradient at the output of a block `[N, T, D]` or, if it pools, `[N, D]`."""
Spread = Callable[[str, Tensor], Tensor]
"""Branch, values at its N sequences `[N, T, C]` → at each sample's tokens `[B, T', C]`, zeros where it has none."""
_Values = dict[str, Tensor]


def block_gram(
    block: nn.Module, sequences: Sequences, cotangents: Cotangents, spread: Spread, below: bool
) -> tuple[Tensor, dict[str, dict[str, Tensor]]]:
    """Gram `[B, M, M]` of the M losses' gradients of all the block's parameters; if `below`, cotangents at its input.

    block: called with tokens and mask, it returns its output or a tuple that begins with it, and the same as in the
    step's forward (no dropout); its layers with parameters are Linear or LayerNorm. Every branch in `cotangents` is in
    `sequences`. The block runs once for each loss and branch, since under ZeRO-3 a graph can be differentiated once;
    there all ranks must call it together, with equal losses and branches. Holds this one block's activations.
    """
    layers = {name: layer for name, layer in block.named_modules() if next(layer.parameters(False), None) is not None}
    inputs: dict[str, _Values] = {}
    gradients: dict[tuple[str, str], _Values] = {}
    beneath: dict[str, dict[str, Tensor]] = {loss: {} for loss in cotangents}
    for loss, ends in cotangents.items():
        for branch, cotangent in ends.items():
            # The inputs of a branch are the same for all losses: one copy is kept.
            given, gradients[loss, branch], tokens = _replay(block, layers, sequences[branch], cotangent, below)
            inputs.setdefault(branch, given)
            if tokens is not None:
                beneath[loss][branch] = tokens

    def gram_of(name: str) -> Tensor:
        tokens = {branch: spread(branch, values.pop(name)) for branch, values in inputs.items()}
        losses = [
            [(tokens[branch], spread(branch, gradients[loss, branch].pop(name))) for branch in ends]
            for loss, ends in cotangents.items()
        ]
        some = next(pair for pairs in losses for pair in pairs)
        none = tuple(values[:, :0] for values in some)
        joined = [[torch.cat(values, dim=1) for values in zip(none, *pairs, strict=True)] for pairs in losses]
        return layer_gram(layers[name], [a for a, _ in joined], [b for _, b in joined])

    total = gram_of(next(iter(layers)))
    for name in list(layers)[1:]:
        total += gram_of(name)
    return total, beneath


def _replay(
    block: nn.Module, layers: Mapping[str, nn.Module], sequence: tuple[Tensor, Tensor | None], cotangent: Tensor,
    below: bool,
) -> tuple[_Values, _Values, Tensor | None]:  # fmt: skip
    """Inputs of the layers, gradients at their outputs and, if `below`, at the block's input."""
    tokens, mask = sequence
    tokens = tokens.detach().requires_grad_(below)
    with torch.enable_grad(), _recorded(layers) as (inputs, outputs):
        result = block(tokens, mask)
    output = result[0] if isinstance(result, tuple) else result
    wanted = [*outputs.values(), *([tokens] if below else [])]
    found = torch.autograd.grad(output, wanted, cotangent.to(output.dtype).view_as(output))
    return inputs, dict(zip(outputs, found, strict=False)), found[-1] if below else None


@contextmanager
def _recorded(layers: Mapping[str, nn.Module]) -> Iterator[tuple[_Values, _Values]]:
    """Inputs, detached, and outputs of the layers that run inside."""
    inputs: _Values = {}
    outputs: _Values = {}

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def keep(_: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            inputs[name], outputs[name] = given[0].detach(), output

        return keep

    handles = [layer.register_forward_hook(hook(name)) for name, layer in layers.items()]
    try:
        yield inputs, outputs
    finally:
        for handle in handles:
            handle.remove()
