import numpy as np
import pytest
import torch
from support.learnable import learnable_films

from vatt_harmony.align.config import AlignConfig, NetworkConfig, TrainConfig
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.train.analysis import Movement, channel_statistics, parts
from vatt_harmony.align.train.fit import fit
from vatt_harmony.align.train.plot import PANELS, draw, save_plot

TRAIN, VALIDATION = learnable_films(4, seed=1), learnable_films(2, seed=2)
NAMES = ("clips", "sentences")


def history(**network):
    config = AlignConfig(
        network=NetworkConfig(**({"width": 8} | network)), train=TrainConfig(epochs=2, batch=2, analysis=True)
    )
    return fit(config, TRAIN, VALIDATION).history


@pytest.mark.parametrize("norm", ["sbn", "none", "2ln", "4ln"])
def test_every_trained_parameter_belongs_to_one_part(norm):
    model = NeuMatch(NetworkConfig(width=8, norm=norm), (6, 6))
    named = parts(model, NAMES)
    assert sum(each.numel() for part in named.values() for each in part) == sum(p.numel() for p in model.parameters())
    assert {"encoder of clips", "stack of sentences", "stack of actions", "stack of pairs", "head"} <= set(named)


def test_movement_is_the_mean_over_updates_and_starts_anew():
    weight = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    movement = Movement({"part": [weight]})
    for change in (0.5, 1.0):
        movement.before_update()
        with torch.no_grad():
            weight.copy_(torch.tensor([3.0 + change, 4.0]))
        movement.after_update()
        with torch.no_grad():
            weight.copy_(torch.tensor([3.0, 4.0]))
    assert movement.means() == pytest.approx({"part": 0.15})
    assert movement.means() == {}


def test_a_part_that_starts_at_zero_moves_by_a_finite_figure():
    shift = torch.nn.Parameter(torch.zeros(2))
    movement = Movement({"part": [shift]})
    for value in (2.0, 3.0):
        movement.before_update()
        with torch.no_grad():
            shift.fill_(value)
        movement.after_update()
    assert movement.means() == pytest.approx({"part": 0.25})


def test_channel_statistics_by_hand():
    mean, deviation = channel_statistics(torch.tensor([[1.0, 0.0], [3.0, 0.0]]))
    assert (mean, deviation) == pytest.approx((2**0.5, 2**0.5 / 2))


def test_figures_of_an_epoch():
    epoch = history()[-1]
    assert epoch["movement/head"] == pytest.approx(7e-3, rel=1e-3)
    assert epoch["gap/loss"] == pytest.approx(epoch["loss/validation"] - epoch["loss/train"])
    for name in NAMES:
        assert {f"stack mean/{name} train", f"stack deviation/{name} validation"} <= set(epoch)


def test_analysis_changes_nothing():
    config = AlignConfig(network=NetworkConfig(width=8), train=TrainConfig(epochs=2, batch=2))
    plain = fit(config, TRAIN, VALIDATION).history
    assert [epoch["train/loss"] for epoch in plain] == [epoch["train/loss"] for epoch in history()]


def test_positions_alone_have_no_stacks_of_items_to_look_at():
    assert not any(name.startswith("stack mean") for name in history(content=False)[-1])


def test_plot_shows_every_figure(tmp_path):
    told = history()
    shown = {line.get_label() for axes in draw(told).axes for line in axes.lines}
    assert shown == {name.partition("/")[2] for name in told[0] if name.partition("/")[0] in PANELS}
    pixels = save_plot(told, tmp_path / "analysis.png")
    assert pixels.shape[2] == 3 and pixels.dtype == np.uint8 and (tmp_path / "analysis.png").stat().st_size > 1000
