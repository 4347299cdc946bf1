import math

import pytest
import torch
from support.aligners import WIDTH

from vatt_harmony.align.config import NetworkConfig
from vatt_harmony.align.network import NeuMatch


def parameters(**options):
    network = NeuMatch(NetworkConfig(width=128, **options), [WIDTH, WIDTH])
    return {name: parameter.detach() for name, parameter in network.named_parameters()}


def test_linear_layers():
    found = parameters()
    inner = found["head.inner.weight"]
    assert float(inner.std()) == pytest.approx(math.sqrt(2 / inner.shape[1]), rel=0.03)
    biases = torch.cat(
        [value for name, value in found.items() if name.endswith("bias") and "lstm" not in name and "norm" not in name]
    )
    assert float(biases.std()) == pytest.approx(0.1, rel=0.1)


def test_lstm_layers():
    found = parameters()
    inputs = found["stacks.0.layers.0.lstm.weight_ih_l0"]
    assert float(inputs.std()) == pytest.approx(math.sqrt(2 / sum(inputs.shape)), rel=0.03)
    hidden = found["stacks.0.layers.0.lstm.weight_hh_l0"]
    torch.testing.assert_close(hidden.T @ hidden, torch.eye(128), atol=1e-5, rtol=0)
    for which in ("ih", "hh"):
        enter, forget, value, leave = found[f"stacks.0.layers.0.lstm.bias_{which}_l0"].chunk(4)
        assert (forget == 1).all()
        assert float(torch.cat([enter, value, leave]).std()) == pytest.approx(0.1, rel=0.2)


def test_cells_with_layer_norm_get_the_same_matrices_and_no_forget_bias():
    found = parameters(norm="4ln")
    inputs, hidden = (found[f"stacks.1.layers.0.{name}_weight"] for name in ("input", "hidden"))
    assert float(inputs.std()) == pytest.approx(math.sqrt(2 / sum(inputs.shape)), rel=0.03)
    torch.testing.assert_close(hidden.T @ hidden, torch.eye(128), atol=1e-5, rtol=0)
    norms = {name: value for name, value in found.items() if "_norm" in name}
    assert len(norms) == 4 * 2 * 6
    assert all((value == float("weight" in name)).all() for name, value in norms.items())


def test_the_seed_decides_and_the_global_generator_does_not():
    one, other, third = (NeuMatch(NetworkConfig(), [4, 4], seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["encoders.0.0.matrix"], third["encoders.0.0.matrix"])
    assert not torch.equal(one["head.outer.weight"], third["head.outer.weight"])
