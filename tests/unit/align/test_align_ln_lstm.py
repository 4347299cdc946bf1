import torch
from torch.nn.functional import layer_norm

from vatt_harmony.align.ln_lstm import LayerNormLSTM


def test_one_step_by_hand():
    torch.manual_seed(0)
    layer, width = LayerNormLSTM(5, 4), 4
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    x, hidden, cell = torch.randn(3, 5), torch.randn(3, 4), torch.randn(3, 4)
    normed = [
        layer_norm(each @ weight.T, [4 * width], norm.weight, norm.bias)
        for each, weight, norm in (
            (x, layer.input_weight, layer.input_norm),
            (hidden, layer.hidden_weight, layer.hidden_norm),
        )
    ]
    i, f, g, o = (normed[0] + normed[1]).split(width, dim=1)
    carried = layer_norm(
        f.sigmoid() * cell + i.sigmoid() * g.tanh(), [width], layer.cell_norm.weight, layer.cell_norm.bias
    )
    found = layer.step(x @ layer.input_weight.T, hidden, cell)
    torch.testing.assert_close(found, (o.sigmoid() * carried.tanh(), carried))


def test_the_carried_cell_is_normalised():
    torch.manual_seed(0)
    layer = LayerNormLSTM(5, 64)
    _, cell = layer.step(torch.randn(10, 256), torch.randn(10, 64), 9 * torch.randn(10, 64))
    torch.testing.assert_close(cell.mean(1), torch.zeros(10), atol=1e-5, rtol=0)
    torch.testing.assert_close(cell.std(1, unbiased=False), torch.ones(10), atol=1e-3, rtol=0)


def test_only_the_norms_have_biases():
    biases = {name for name, _ in LayerNormLSTM(5, 4).named_parameters() if "bias" in name}
    assert biases == {"input_norm.bias", "hidden_norm.bias", "cell_norm.bias"}
