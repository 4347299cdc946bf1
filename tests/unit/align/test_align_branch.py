import pytest
import torch
from torch import nn

from vatt_harmony.align.branch import branch_encoder
from vatt_harmony.align.projection import RandomProjection


def encoder(**options):
    options = {"video": True, "kind": "projected", "dropout": 0.0, "generator": torch.Generator()} | options
    return branch_encoder(12, 8, **options)


def test_the_random_projection_has_the_published_entries_and_keeps_norms():
    projection = RandomProjection(768, 300, torch.Generator().manual_seed(0))
    values, counts = (projection.matrix / 3**0.5).round().unique(return_counts=True)
    assert values.tolist() == [-1, 0, 1]
    assert (counts / projection.matrix.numel()).tolist() == pytest.approx([1 / 6, 2 / 3, 1 / 6], abs=3e-3)
    x = nn.functional.normalize(torch.randn(1000, 768, generator=torch.Generator().manual_seed(1)), dim=-1)
    assert float((x @ projection.matrix).norm(dim=-1).mean()) == pytest.approx(300**0.5, abs=0.1)
    assert projection(x).norm(dim=-1).tolist() == pytest.approx([1.0] * 1000, abs=1e-5)
    assert projection(torch.zeros(768)).norm() == 0


def test_the_projection_is_saved_and_not_trained():
    projection = RandomProjection(4, 3, torch.Generator())
    assert not list(projection.parameters())
    assert list(projection.state_dict()) == ["matrix"]


@pytest.mark.parametrize(("kind", "video", "layers"), [("full", True, 3), ("full", False, 2), ("projected", False, 1)])
def test_layers_of_each_form(kind, video, layers):
    linear = [part for part in encoder(kind=kind, video=video) if isinstance(part, nn.Linear)]
    assert len(linear) == layers
    assert [part.bias is None for part in linear] == [kind == "full"] + [False] * (layers - 1)


@pytest.mark.parametrize("video", [True, False])
def test_dropout_acts_on_every_branch_and_only_in_training(video):
    branch, x = encoder(kind="full", video=video, dropout=0.5), torch.ones(64, 12)
    assert len(branch(x).unique(dim=0)) > 1
    assert len(branch.eval()(x).unique(dim=0)) == 1
