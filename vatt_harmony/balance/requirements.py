"""What a rule needs of the balancer it is given to; checked once, when the balancer is made."""

from collections.abc import Mapping

from vatt_harmony.balance.features import Feature
from vatt_harmony.balance.rule import Rule
from vatt_harmony.balance.task import Classification, Task
from vatt_harmony.errors import UserError


def needs_slices(rule: Rule) -> bool:
    """Whether the fusion must be a linear layer whose path is known."""
    return rule.needs_slices or rule.scores == "slices"


def needs_removal(rule: Rule) -> bool:
    """Whether the fusion is run again with modalities removed."""
    return rule.needs_removal or rule.scores.startswith("shapley")


def needs_paths(rule: Rule) -> bool:
    """Whether the way from each encoder to the fusion must be known, which a getter does not tell."""
    return (
        needs_removal(rule)
        or rule.fused_gain != 1.0
        or rule.several_backwards
        or type(rule).drop_chances is not Rule.drop_chances
    )


def check_requirements(
    rule: Rule,
    features: Mapping[str, Feature],
    fusion: str | None,
    accumulation: int,
    scale_head: bool,
    scale_fusion_slice: bool,
    task: Task,
) -> None:
    """Raise UserError for what the rule needs and was not given."""
    name = type(rule).__name__
    if rule.scores in ("jsd", "shapley_jsd") and not isinstance(task, Classification):
        raise UserError(
            f"The rule {name} scores by {rule.scores}, and the task is {type(task).__name__}",
            "A divergence is one of probabilities that add up to 1",
            "Score by heads, or by shapley",
        )
    if accumulation < 1:
        raise UserError(f"accumulation is {accumulation}", "No step would ever end", "Give 1 or more micro-batches")
    if (needs_slices(rule) or scale_fusion_slice) and fusion is None:
        raise UserError(
            f"{'scale_fusion_slice' if scale_fusion_slice else f'The rule {name}'} needs a fusion, and none is named",
            "No slice of its weights could be found",
            "Give fusion=..., the path of the linear layer over the concatenated features, or score by heads",
        )
    getters = [modality for modality, feature in features.items() if feature.path is None]
    if getters and (needs_paths(rule) or scale_head):
        raise UserError(
            f"{'scale_head' if scale_head else f'The rule {name}'} needs the encoders of {', '.join(getters)}",
            "A getter shows a feature, not the way from it to the fusion",
            "Name each encoder's module path, or use a rule that needs no more than gradients of features",
        )
    if rule.several_backwards and accumulation > 1:
        raise UserError(
            f"The rule {name} compares gradients, and accumulation is {accumulation}",
            "The gradients of a whole optimizer step are known only when they have been added up",
            "Use larger micro-batches with accumulation 1, or another rule",
        )
