import pytest
import torch
from torch import nn

from vatt_harmony.align.config import OptimConfig
from vatt_harmony.align.schedule import Schedule, warm_up


def schedule(**options):
    config = OptimConfig(**{"lr": 5e-4, **options})
    optimizer = torch.optim.Adam([{"params": [nn.Parameter(torch.ones(1))]}], lr=config.lr)
    return Schedule(optimizer, config), optimizer


def test_warm_up_rises_linearly_from_a_tenth():
    rates = [5e-4 * warm_up(epoch, 5) for epoch in (0.0, 2.5, 5.0, 7.0)]
    assert rates == pytest.approx([5e-5, 2.75e-4, 5e-4, 5e-4])


def test_constant_loss_halves_the_rate_at_the_eleventh_bad_epoch():
    plateau, _ = schedule()
    rates = []
    for epochs in range(1, 25):
        plateau.begin_update(epochs - 1)
        plateau.end_epoch(epochs, 1.0)
        rates.append(plateau.rate)
    # The first epoch is the best one; bad epochs are 2 to 12 and 13 to 23.
    assert rates == pytest.approx([5e-4] * 11 + [2.5e-4] * 11 + [1.25e-4] * 2)


def test_epochs_of_the_warm_up_do_not_count():
    plateau, _ = schedule(warmup_epochs=5)
    for epochs in range(1, 17):
        plateau.begin_update(epochs - 1)
        plateau.end_epoch(epochs, 1.0)
    assert plateau.rate == pytest.approx(5e-4)  # epoch 6 is the best one, 7 to 16 are ten bad ones
    plateau.end_epoch(17, 1.0)
    assert plateau.rate == pytest.approx(2.5e-4)


def test_goes_on_from_its_state():
    plateau, optimizer = schedule()
    for epochs in range(1, 9):
        plateau.end_epoch(epochs, 1.0)
    resumed, other = schedule()
    resumed.load_state_dict(plateau.state_dict())
    other.load_state_dict(optimizer.state_dict())
    for epochs in range(9, 13):
        resumed.end_epoch(epochs, 1.0)
    assert resumed.rate == pytest.approx(2.5e-4)
