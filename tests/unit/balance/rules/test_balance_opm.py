"""OPM: chances of dropping the leader's features."""

import pytest
import torch
from support.balance_evidence import evidence

from vatt_harmony.balance.rules.opm import OPM

WIDTHS = torch.tensor([4.0, 4.0])


def test_only_the_leader_is_dropped() -> None:
    chances = OPM(often=1.0).drop_chances(evidence([0.8, 0.4]), WIDTHS)
    assert chances.tolist() == pytest.approx([0.5523, 0], abs=5e-5)


def test_it_acts_in_its_share_of_the_steps_the_same_on_every_rank() -> None:
    acts = [bool(OPM(often=0.7).drop_chances(evidence([0.8, 0.4], step=s), WIDTHS).any()) for s in range(400)]
    again = [bool(OPM(often=0.7).drop_chances(evidence([0.8, 0.4], step=s), WIDTHS).any()) for s in range(400)]
    assert acts == again and sum(acts) == pytest.approx(280, abs=40)
