"""Where each modality's feature comes from: a module of the model, or a place in the model's output."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from typing import Any

from torch import Tensor, nn

from vatt_harmony.errors import UserError

POOLED = ("pooler_output", "pooled", "image_embeds", "text_embeds")


@dataclass(frozen=True)
class Feature:
    """How one modality's feature is found; give `path`, `get` or both."""

    path: str | None = None
    """Path of the encoder within the model, such as "towers.video"; its output is tapped."""
    get: Callable[[Any], Tensor] | None = None
    """What the unimodal head reads, `[B, ..., D]`: of the encoder's output, or without a path of the model's."""
    width: int | None = None
    """D; may be left out where the balancer is given an example."""
    parameters: tuple[str, ...] = ()
    """Paths of further modules that belong to the modality alone, such as its front end."""


def resolve(model: nn.Module, features: Mapping[str, str | Feature]) -> dict[str, Feature]:
    """The features as given, paths checked; raises UserError for what the model does not have."""
    resolved = {name: Feature(path=value) if isinstance(value, str) else value for name, value in features.items()}
    if not resolved:
        raise UserError("No modality is named", "There is nothing to balance", "Name at least one feature")
    for name, feature in resolved.items():
        if feature.path is None and feature.get is None:
            raise UserError(
                f"The feature of {name!r} has neither a path nor a getter", "It cannot be found", "Give one of them"
            )
        for path in (feature.path, *feature.parameters):
            if path is not None:
                find_module(model, path, f"feature {name!r}")
    paths = [feature.path for feature in resolved.values() if feature.path is not None]
    for name, feature in resolved.items():
        if paths.count(feature.path or "") > 1:
            raise UserError(
                f"The feature of {name!r} is the module {feature.path!r}, and so is another's",
                "Their gradients could not be told apart",
                "For a shared encoder give getters that find each feature in the model's output",
            )
    return resolved


def find_module(model: nn.Module, path: str, what: str) -> nn.Module:
    """The module at `path`; raises UserError that names the nearest ones."""
    try:
        return model.get_submodule(path)
    except AttributeError:
        known = [name for name, _ in model.named_modules() if name]
        near = get_close_matches(path, known, n=3, cutoff=0.5) or [name for name, _ in model.named_children()][:8]
        raise UserError(
            f"The model has no module {path!r}, named for {what}",
            "Nothing would be balanced there",
            f"Name one of its modules, such as {', '.join(near) or 'none: it has no parts'}",
        ) from None


def check_names(given: Collection[str], modalities: Collection[str], what: str) -> None:
    """Raise UserError where `given` has names that are no modality of the balancer."""
    unknown = sorted(set(given) - set(modalities))
    if unknown:
        raise UserError(
            f"{what} names {', '.join(map(repr, unknown))}",
            "The balancer has no such modality",
            f"Use its names: {', '.join(modalities)}",
        )


def pooled(output: Any, get: Callable[[Any], Tensor] | None) -> Tensor:
    """The feature `[B, D]` in an encoder's output: by `get`, else the pooled or first tensor; means over the middle.

    Raises UserError where there is none.
    """
    value = get(output) if get is not None else _usual(output)
    if not isinstance(value, Tensor) or value.dim() < 2:
        shape = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise UserError(
            f"A feature is {shape} where [samples, ..., width] is needed",
            "No unimodal head could read it",
            "Give Feature(path, get=...) that picks the tensor from the encoder's output",
        )
    return value if value.dim() == 2 else value.flatten(1, -2).mean(1)


def find_logits(output: Any, get: Callable[[Any], Tensor] | None) -> Tensor:
    """The fused logits `[B, C]` in the model's output: by `get`, else `logits` or the first tensor."""
    value = get(output) if get is not None else _named(output, ("logits",))
    value = _first(output) if value is None else value
    if not isinstance(value, Tensor):
        raise UserError(
            f"The model's output is a {type(output).__name__} without logits",
            "No loss could be computed",
            "Give the balancer logits=..., a function of the model's output",
        )
    return value


def _usual(output: Any) -> Any:
    named = _named(output, POOLED)
    return _first(output) if named is None else named


def _named(output: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        value = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
        if value is not None:
            return value
    return None


def _first(output: Any) -> Any:
    if isinstance(output, Mapping):
        return next(iter(output.values()), None)
    if isinstance(output, tuple | list):
        return output[0] if output else None
    if is_dataclass(output):
        return getattr(output, fields(output)[0].name)
    return output
