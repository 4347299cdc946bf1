import copy

import pytest
import torch
from torch import nn

from vatt_harmony.align.lars import LarsAdam

RATE, TRUST = 7.0, 1e-3


def parameters(seed=0):
    g = torch.Generator().manual_seed(seed)
    shapes = ((5, 3), (5,), (4, 4, 2), ())
    return [nn.Parameter(torch.randn(shape, generator=g, dtype=torch.float64)) for shape in shapes]


def fill(tensors, seed, scale=1.0):
    g = torch.Generator().manual_seed(seed)
    for tensor in tensors:
        tensor.grad = scale * torch.randn(tensor.shape, generator=g, dtype=torch.float64)


def test_every_tensor_moves_by_rate_times_trust_of_its_norm():
    tensors = parameters()
    optimizer = LarsAdam(tensors, lr=RATE, trust=TRUST)
    for step in range(5):
        before = [tensor.detach().clone() for tensor in tensors]
        fill(tensors, step)
        optimizer.step()
        for old, new in zip(before, tensors, strict=True):
            assert float((new.detach() - old).norm() / old.norm()) == pytest.approx(RATE * TRUST, rel=1e-6)


def test_direction_is_adams():
    tensors = parameters()
    twins = copy.deepcopy(tensors)
    lars = LarsAdam(tensors, lr=RATE, trust=TRUST, weight_decay=0.1)
    for step in range(3):
        with torch.no_grad():  # both stand at the same place, each with its own moments
            for tensor, twin in zip(tensors, twins, strict=True):
                twin.copy_(tensor)
        if step == 0:
            adam = torch.optim.Adam(twins, lr=1.0, weight_decay=0.1)
        before = [tensor.detach().clone() for tensor in tensors]
        fill(tensors, step)
        fill(twins, step)
        lars.step()
        adam.step()
        for old, new, other in zip(before, tensors, twins, strict=True):
            mine, its = (new.detach() - old).flatten(), (other.detach() - old).flatten()
            assert float(mine @ its / mine.norm() / its.norm()) == pytest.approx(1.0, abs=1e-12)


def test_zero_tensor_moves_by_rate_times_trust_times_adams_step():
    shift = nn.Parameter(torch.zeros(6, dtype=torch.float64))
    shift.grad = torch.tensor([1.0, -2.0, 3.0, 0.0, 1e-3, -5.0], dtype=torch.float64)
    LarsAdam([shift], lr=RATE, trust=TRUST).step()
    expected = -RATE * TRUST * shift.grad.sign()  # Adam's first step is the sign, up to eps
    assert torch.allclose(shift.detach(), expected, atol=1e-7)


def test_without_gradient_nothing_moves():
    still, absent = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    still.grad = torch.zeros(3)
    LarsAdam([still, absent], lr=RATE, trust=TRUST).step()
    assert torch.equal(still, torch.ones(3)) and torch.equal(absent, torch.ones(3))


def test_scale_of_the_loss_does_not_matter():
    runs = []
    for scale in (1.0, 1e4):
        tensors = parameters()
        optimizer = LarsAdam(tensors, lr=RATE, trust=TRUST, eps=1e-30)
        for step in range(4):
            fill(tensors, step, scale)
            optimizer.step()
        runs.append(tensors)
    for one, other in zip(*runs, strict=True):
        assert torch.allclose(one, other, rtol=1e-12, atol=0)


def test_goes_on_from_its_state():
    tensors = parameters()
    optimizer = LarsAdam(tensors, lr=RATE, trust=TRUST)
    fill(tensors, 0)
    optimizer.step()
    twins = copy.deepcopy(tensors)
    resumed = LarsAdam(twins, lr=1.0, trust=TRUST)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for every, its in ((tensors, optimizer), (twins, resumed)):
        fill(every, 1)
        its.step()
    assert all(torch.equal(one, other) for one, other in zip(tensors, twins, strict=True))
