"""Outputs of a network with modalities taken away: what Shapley values and drop-one figures are made of."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from torch import Tensor

from vatt_harmony.balance import Balancer
from vatt_harmony.finetune.monitor.shapley import Coalition, shapley_values, subsets

Output = TypeVar("Output")
FUSED = "fused"
WITHOUT = "without "
"""Before the modalities whose features are zero, in the name of an output."""
PERMUTED = "permuted "
"""Before the modality whose features are those of other clips of the batch."""


def outputs_without(balancer: Balancer, modalities: Sequence[str], run: Callable[[], Tensor]) -> dict[str, Tensor]:
    """Outputs with every subset of modalities zeroed and with each one permuted, by name, such as `without audio+text`.

    `run` calls the balancer on one batch and gives what is compared, such as fused logits; within
    `balancer.cached_features()` the encoders do not run again. Nothing for a single modality. All ranks
    must call alike.
    """
    outputs: dict[str, Tensor] = {}
    if len(modalities) < 2:
        return outputs
    for removed in subsets(modalities)[1:]:
        with balancer.without(removed):
            outputs[without(removed)] = run()
    for name in modalities:
        with balancer.without({name}, mode="permute"):
            outputs[PERMUTED + name] = run()
    return outputs


def worth(
    outputs: Mapping[str, Output], modalities: Sequence[str], score: Callable[[Output], float]
) -> dict[str, float]:
    """What each modality is worth to a score, such as the accuracy, of the outputs of `outputs_without` and `fused`.

    `shapley/MODALITY`; `without/MODALITY` and `permuted/MODALITY`, the score that is left without it. Nothing for a
    single modality.
    """
    if len(modalities) < 2:
        return {}
    whole = frozenset(modalities)

    def of_present(present: Coalition) -> float:
        return score(outputs[FUSED if present == whole else without(whole - present)])

    figures = {f"shapley/{name}": value for name, value in shapley_values(of_present, modalities).items()}
    figures |= {f"without/{name}": score(outputs[without(frozenset({name}))]) for name in modalities}
    return figures | {f"permuted/{name}": score(outputs[PERMUTED + name]) for name in modalities}


def without(removed: Coalition) -> str:
    """The name of the output with these modalities zeroed."""
    return WITHOUT + "+".join(sorted(removed))
