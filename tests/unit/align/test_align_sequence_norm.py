import torch
from torch import nn

from vatt_harmony.align.sbn import SequenceBatchNorm

LENGTHS = torch.tensor([5, 2, 7])
REAL = torch.arange(7) < LENGTHS.unsqueeze(1)


def norm_and_steps(channels=6):
    g = torch.Generator().manual_seed(0)
    norm = SequenceBatchNorm(channels)
    nn.init.normal_(norm.weight, generator=g), nn.init.normal_(norm.bias, generator=g)
    return norm, 3 + 2 * torch.randn(3, 7, channels, generator=g)


def test_training_is_batch_norm_over_the_real_steps_with_the_unbiased_variance():
    norm, x = norm_and_steps()
    steps = x[REAL]
    count = len(steps)
    theirs = nn.BatchNorm1d(6)
    theirs.load_state_dict(norm.state_dict(), strict=False)
    shrunk = (theirs(steps) - norm.bias) * ((count - 1) / count) ** 0.5 + norm.bias
    torch.testing.assert_close(norm(x, REAL)[REAL], shrunk, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(norm.running_mean, theirs.running_mean)
    torch.testing.assert_close(norm.running_var, theirs.running_var)
    torch.testing.assert_close(norm.eval()(x, REAL)[REAL], theirs.eval()(steps))


def test_gradients_flow_through_the_statistics():
    norm, x = norm_and_steps()
    norm.double()
    inputs = x.double().requires_grad_()
    torch.autograd.gradcheck(lambda each: norm(each, REAL), inputs)
    assert not norm.running_mean.requires_grad


def test_padding_changes_nothing():
    norm, x = norm_and_steps()
    other, _ = norm_and_steps()
    first = norm(x, REAL)
    second = other(torch.where(REAL.unsqueeze(-1), x, 1e4), REAL)
    assert torch.equal(first, second)
    assert torch.equal(norm.running_var, other.running_var)
    assert first[~REAL].abs().max() == 0


def test_channels_far_from_zero_keep_their_variance():
    norm = SequenceBatchNorm(1)
    x = torch.randn(8, 50, 1, generator=torch.Generator().manual_seed(0))
    far = norm(x + 1000, torch.ones(8, 50, dtype=torch.bool))
    torch.testing.assert_close(far[..., 0], (x - x.mean())[..., 0] / x.std(), atol=1e-3, rtol=1e-3)


def test_fewer_than_two_steps_are_normalised_by_the_running_values():
    for count in (0, 1):
        norm, x = norm_and_steps()
        norm.running_mean.fill_(2)
        norm.running_var.fill_(4)
        before = {name: value.clone() for name, value in norm.state_dict().items()}
        real = torch.zeros_like(REAL)
        real[1, :count] = True
        inputs = x.requires_grad_()
        out = norm(inputs, real)
        torch.testing.assert_close(out[real], norm.eval()(x, real)[real])
        out.sum().backward()
        assert torch.isfinite(inputs.grad).all() and torch.isfinite(norm.weight.grad).all()
        assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())
