import torch
from support.ranks import run_ranks
from torch import nn

from vatt_harmony.align.sbn import SequenceBatchNorm

LENGTHS = torch.tensor([5, 2, 7, 0])
REAL = torch.arange(7) < LENGTHS.unsqueeze(1)
SPLITS = [[[0, 1], [2, 3]], [[0, 1, 2], [3]]]  # in the second one rank has not a single real step


def normalised(rows):
    """Output, gradients and buffers with these rows of the batch, from a loss that is a sum over steps."""
    g = torch.Generator().manual_seed(0)
    norm = SequenceBatchNorm(3)
    nn.init.normal_(norm.weight, generator=g)
    x, aim = torch.randn(2, 4, 7, 3, generator=g)
    inputs = x[rows].requires_grad_()
    out = norm(inputs, REAL[rows])
    (out * aim[rows]).sin().sum().backward()
    return {
        "out": out.detach(),
        "input": inputs.grad,
        "weight": norm.weight.grad,
        "mean": norm.running_mean,
        "variance": norm.running_var,
    }


def on_rank(rank, world_size):
    return [normalised(split[rank]) for split in SPLITS]


def test_two_ranks_are_one_on_the_joint_batch(tmp_path):
    joint, found = normalised([0, 1, 2, 3]), run_ranks(on_rank, 2, tmp_path)
    for ranks in zip(*found, strict=True):
        for name in ("out", "input"):
            torch.testing.assert_close(torch.cat([rank[name] for rank in ranks]), joint[name])
        torch.testing.assert_close(ranks[0]["weight"] + ranks[1]["weight"], joint["weight"])
        for name in ("mean", "variance"):
            torch.testing.assert_close(ranks[0][name], joint[name])
            assert torch.equal(ranks[0][name], ranks[1][name])
