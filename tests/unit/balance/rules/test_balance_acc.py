"""ACC: OGM's inverse."""

import pytest
from support.balance_evidence import evidence

from vatt_harmony.balance.rules.acc import ACC


def test_the_one_behind_is_sped_up_and_nobody_is_slowed() -> None:
    assert ACC(alpha=0.8).coefficients(evidence([0.5, 0.4])).tolist() == pytest.approx([1, 1.762], abs=5e-4)
