"""What is left of a score without a modality."""

import pytest

from vatt_harmony.finetune.monitor.removals import worth

ACCURACY = {
    "fused": 0.9, "without audio": 0.3, "without video": 0.6, "without audio+video": 0.1,
    "permuted audio": 0.25, "permuted video": 0.7,
}  # fmt: skip


def test_worth_of_two_modalities() -> None:
    assert worth(ACCURACY, ["video", "audio"], float) == pytest.approx(
        {
            "shapley/audio": 0.5 * (0.9 - 0.3 + 0.6 - 0.1), "shapley/video": 0.5 * (0.9 - 0.6 + 0.3 - 0.1),
            "without/audio": 0.3, "without/video": 0.6, "permuted/audio": 0.25, "permuted/video": 0.7,
        }
    )  # fmt: skip


def test_a_single_modality_is_worth_everything_and_is_not_told() -> None:
    assert worth({"fused": 0.9}, ["audio"], float) == {}
