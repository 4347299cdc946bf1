"""1, 2 and 4 ranks give the same losses, cosines, weights and gradients (torch and gloo, no engine, fp64)."""

from vatt_harmony.scale.bench.rank_equality import largest_errors


def test_ranks_do_not_matter() -> None:
    errors, alone = largest_errors()
    assert {"losses", "cosines", "weights", "gradients", "keep", "statistics"} == errors.keys()
    assert max(errors.values()) <= 1e-9, errors
    assert (alone["agnostic"]["weights"] != 1).any()
