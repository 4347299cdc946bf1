"""The page of charts in TensorBoard on which the modalities of a fine-tune lie over one another."""

from collections.abc import Sequence

Chart = list[str | list[str]]
Layout = dict[str, dict[str, Chart]]

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
    names = "|".join(modalities)

    def chart(pattern: str) -> Chart:
        return ["Multiline", [f"^{pattern}$"]]

    balance = {title: chart(f"steps/{figure}/({names})") for title, figure in STEPS.items()}
    worth = {title: chart(f"validation/{figure}/({names})") for title, figure in EPOCHS.items()}
    return {
        "Balance of modalities": balance | {"phase-out: mean |k - 1|": chart("(steps|train)/distance")},
        "Worth of modalities": {"accuracy": chart("(train|validation)/accuracy")} | worth,
    }
