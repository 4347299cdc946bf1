"""Charts that lay modalities over one another."""

import re

from vatt_harmony.finetune.monitor.tensorboard import layout

TAGS = [
    "steps/k/audio",
    "steps/ratio/video",
    "steps/distance",
    "train/distance",
    "validation/shapley/audio",
    "validation/permuted/video",
    "validation/accuracy",
    "validation/accuracy/audio",
]


def test_every_figure_of_balance_has_a_chart_and_no_chart_mixes_figures() -> None:
    charts = {
        title: [tag for tag in TAGS if any(re.search(pattern, tag) for pattern in patterns)]
        for group in layout(["audio", "video"]).values()
        for title, (_, patterns) in group.items()
    }
    assert {tag for tags in charts.values() for tag in tags} == set(TAGS)
    assert charts["coefficient k"] == ["steps/k/audio"]
    assert charts["accuracy of each head"] == ["validation/accuracy/audio"]
    assert charts["accuracy"] == ["validation/accuracy"]
