import pytest

from vatt_harmony.config import from_mapping
from vatt_harmony.errors import UserError
from vatt_harmony.objective import ObjectiveConfig, PairWeights


def test_active_pairs_keep_their_order() -> None:
    assert PairWeights(audio_text=0.5, video_audio=0.0).active() == {"video_text": 1.0, "audio_text": 0.5}


@pytest.mark.parametrize(
    ("mapping", "named"),
    [
        ({"mode": "assymetric"}, "asymmetric"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"weights": {"video_text": -1}}, "video_text"),
        ({"weights": {"video_text": 0, "video_audio": 0}}, "all 0"),
        ({"weights": {"video_sound": 1}}, "video_audio"),
        ({"total": "median"}, "mean"),
        ({"invalid_anchors": "gone"}, "removed"),
    ],
)
def test_mistakes_are_named(mapping: dict, named: str) -> None:
    with pytest.raises(UserError, match=named):
        from_mapping(ObjectiveConfig, mapping, "objective")


def test_mistakes_without_yaml_are_named_too() -> None:
    with pytest.raises(ValueError, match="mode is 'both'"):
        ObjectiveConfig(mode="both")  # type: ignore[arg-type]
