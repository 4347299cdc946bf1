import pytest
import torch

from vatt_harmony.harmony.scores import scores_of

NAN = float("nan")
LOSSES = {"video_audio": torch.tensor([1.0, 2.0, NAN]), "video_text": torch.tensor([3.0, NAN, 5.0])}


def test_conflict_needs_no_scores_of_its_own() -> None:
    assert scores_of("conflict", LOSSES, None, 0, 0) is None


def test_high_losses_are_dropped_first() -> None:
    scores = scores_of("loss", LOSSES, None, 0, 0)
    assert scores is not None and scores.tolist() == [-4, -2, -5]


def test_what_the_reference_has_learned_is_kept() -> None:
    scores = scores_of("learnability", LOSSES, torch.tensor([1.0, 2.0, 6.0]), 0, 0)
    assert scores is not None and scores.tolist() == [3, 0, -1]
    with pytest.raises(ValueError, match="reference"):
        scores_of("learnability", LOSSES, None, 0, 0)


def test_random_is_a_function_of_seed_and_step() -> None:
    first, again, later, other = (scores_of("random", LOSSES, None, s, t) for s, t in ((1, 2), (1, 2), (1, 3), (2, 2)))
    assert first is not None and later is not None and other is not None and again is not None
    assert torch.equal(first, again) and not torch.equal(first, later) and not torch.equal(first, other)
    assert ((first >= 0) & (first < 1)).all()
