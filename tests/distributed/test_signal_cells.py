"""Signals of the trunk under DeepSpeed give the update of explicit per-sample gradients."""

from vatt_harmony.scale.bench.signal_cells import PARAMETERS, STAGES, largest_errors, refusal
from vatt_harmony.scale.bench.torchjd_rules import largest_deviation


def test_two_ranks_give_the_update_of_explicit_gradients() -> None:
    errors = largest_errors([("last_block", 3), ("last_linear", 3), ("exact", 1), ("batch", 0)], (2,))
    assert len(errors) == 4 and 0 < max(errors.values()) <= 1e-5, errors


def test_refused_cells_say_why() -> None:
    refused = {(signal, stage) for signal in PARAMETERS for stage in STAGES if refusal(signal, stage)}
    assert refused == {("exact", 2), ("exact", 3), ("batch", 2), ("batch", 3)}


def test_rules_deviate_from_torchjds_by_rounding() -> None:
    assert max(largest_deviation().values()) <= 1e-6
