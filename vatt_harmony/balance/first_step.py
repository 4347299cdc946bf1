"""What the first training step shows: which features reach the loss, and which parameters modalities share."""

import warnings
from collections.abc import Mapping

from torch import Tensor, nn

from vatt_harmony.balance.graph import comes_from, upstream
from vatt_harmony.balance.tap import Tapped
from vatt_harmony.errors import UserError


def check_reached(fused: Tensor, tapped: Mapping[str, Tapped]) -> None:
    """Raise UserError where a feature that takes gradients is not part of what `fused` is computed from."""
    nodes, leaves = upstream([fused])
    for name, own in tapped.items():
        tensors = own.fused or own.total
        if tensors and not any(comes_from(nodes, leaves, tensor) for tensor in tensors):
            raise UserError(
                f"The feature of {name!r} never reaches the fused loss",
                "Its coefficient would change nothing, and the model does not use the modality",
                "Name the module, or the place in the output, whose value the fusion takes",
            )


def check_same_parameters(model: nn.Module, owned: Mapping[str, list[nn.Parameter]]) -> None:
    """Raise UserError where parameters that a modality owns are no longer the model's."""
    known = set(model.parameters())
    if any(parameter not in known for parameters in owned.values() for parameter in parameters):
        raise UserError(
            "Parameters of the model were exchanged after balancer.parameter_groups() or attach(), as fully_shard does",
            "The optimizer would step the old ones",
            "Shard the balancer first, then make the optimizer",
        )


def share_parameters(model: nn.Module, tapped: Mapping[str, Tapped], owned: Mapping[str, list[nn.Parameter]]) -> bool:
    """Whether two features are computed from one parameter; warns of parameters upstream that belong to no modality."""
    leaves = {name: upstream(own.total)[1] for name, own in tapped.items()}
    names = {parameter: name for name, parameter in model.named_parameters()}
    seen: set[Tensor] = set()
    shared = False
    for own in leaves.values():
        parameters = {leaf for leaf in own if leaf in names}
        shared = shared or bool(parameters & seen)
        seen |= parameters
    mine = {parameter for parameters in owned.values() for parameter in parameters}
    strangers = sorted(names[leaf] for leaf in seen if leaf not in mine and isinstance(leaf, nn.Parameter))
    if strangers and not shared and mine:
        warnings.warn(
            f"{len(strangers)} parameters come before a feature but in no module named for its modality, such as "
            f"{', '.join(strangers[:4])}: the point lr does not move them. Name their modules in "
            "Feature(path, parameters=...).",
            stacklevel=3,
        )
    return shared
