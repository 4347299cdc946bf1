"""The page of charts in TensorBoard on which the modalities of a fine-tune lie over one another."""

from collections.abc import Sequence

Layout = dict[str, dict[str, list[str | list[str]]]]

STEPS = {
    "score of the true class": "score",
    "ratio (above 1 is behind)": "ratio",
    "coefficient k": "k",
    "unimodal loss": "loss",
    "unimodal accuracy": "accuracy",
    "gradient norm before k": "gradient_before",
    "gradient norm after k": "gradient_after",
    "update / weights": "update_ratio",
}
"""Chart -> first part of the tags `steps/FIGURE/MODALITY`."""
EPOCHS = {
    "accuracy of each head": "accuracy",
    "Shapley value of the accuracy": "shapley",
    "accuracy without the modality": "without",
    "accuracy with the modality permuted": "permuted",
}
"""Chart -> first part of the tags `validation/FIGURE/MODALITY`."""


def layout(modalities: Sequence[str]) -> Layout:
    """For `SummaryWriter.add_custom_scalars`."""

    def charts(group: str, figures: dict[str, str]) -> dict[str, list[str | list[str]]]:
        names = "|".join(modalities)
        return {title: ["Multiline", [rf"^{group}/{figure}/({names})$"]] for title, figure in figures.items()}

    return {
        "Balance of modalities": charts("steps", STEPS)
        | {"phase-out: mean |k - 1|": ["Multiline", [r"^(steps|train)/distance$"]]},
        "Worth of modalities": {"accuracy": ["Multiline", [r"^(train|validation)/accuracy$"]]}
        | charts("validation", EPOCHS),
    }
