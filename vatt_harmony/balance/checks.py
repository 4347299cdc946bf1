"""What may be wrong with what a training loop hands over, told in one error each."""

from collections.abc import Mapping

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import Validation
from vatt_harmony.balance.features import Feature
from vatt_harmony.balance.rule import Rule
from vatt_harmony.errors import UserError


def check_shapes(logits: Tensor, targets: Tensor, present: Mapping[str, Tensor], outputs: int) -> None:
    """Raise UserError where logits, targets and masks are not of the same samples, or the logits not of the task."""
    if logits.dim() != 2 or logits.shape[1] != outputs:
        raise UserError(
            f"The model's logits have shape {list(logits.shape)}",
            f"The task has {outputs} outputs",
            f"Give logits [samples, {outputs}], or Balancer(..., logits=...) that finds them in the model's output",
        )
    if not isinstance(targets, Tensor) or targets.dim() == 0:
        raise UserError(
            f"The targets are a {type(targets).__name__} without one row a sample",
            "There is nothing to compare the outputs with",
            "Give a tensor of targets; for samples without any, call the balancer and leave `loss` out",
        )
    if len(targets) != len(logits):
        raise UserError(
            f"There are {len(targets)} targets for {len(logits)} samples",
            "No loss could be computed",
            "Give the targets of the batch that was run last",
        )
    for name, mask in present.items():
        if mask.shape != (len(logits),) or mask.dtype != torch.bool:
            raise UserError(
                f"present[{name!r}] is {mask.dtype} of shape {list(mask.shape)}",
                "Which samples have the modality cannot be told",
                f"Give one bool a sample, shape [{len(logits)}]",
            )


def check_ran(features: Mapping[str, Feature], ran: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> None:
    """Raise UserError where an encoder did not run, and not because no sample of this rank has the modality."""
    for name, feature in features.items():
        if name not in ran and (name not in present or bool(present[name].any())):
            raise UserError(
                f"The encoder {feature.path!r} of {name!r} did not run in the forward pass",
                "Its feature is never reached, and nothing could be balanced",
                "Name the module that the model calls for this modality",
            )


def check_validation(rule: Rule, validation: Validation | None, modalities: tuple[str, ...]) -> None:
    """Raise UserError where figures of a validation set are missing that the rule lives on."""
    name = type(rule).__name__
    if validation is None:
        raise UserError(
            f"The rule {name} sets its coefficients by a validation set, and end_epoch was given none",
            "It would change nothing",
            "Hold out samples and call balancer.end_epoch(Validation(...)), or choose another rule",
        )
    missing = sorted({*modalities, "fused"} - (validation.losses.keys() & validation.accuracies.keys()))
    if missing:
        raise UserError(
            f"The figures of the validation set lack {', '.join(missing)}",
            f"The rule {name} could not compare them with the others",
            "Give losses and accuracies of every modality and of the fused output",
        )
