"""Features of one, two and three modalities to logits."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import relu

from vatt_harmony.finetune.config import FusionConfig
from vatt_harmony.finetune.models.fusions.build import FUSIONS, build_fusion
from vatt_harmony.finetune.models.fusions.film import FilmFusion
from vatt_harmony.finetune.models.fusions.gated import GatedFusion
from vatt_harmony.finetune.models.fusions.linear import LinearFusion
from vatt_harmony.finetune.models.fusions.mlp import MlpFusion
from vatt_harmony.finetune.models.fusions.summed import SummedDecisions
from vatt_harmony.finetune.models.fusions.transformer import TransformerFusion
from vatt_harmony.finetune.models.fusions.widths import Width
from vatt_harmony.finetune.models.output import EncoderOutput

WIDTHS = {"audio": Width(6, 8), "text": Width(4, 4), "video": Width(5, 5)}
Features = dict[str, EncoderOutput]


def fusion(kind: str, *modalities: str, width: int = 8, outputs: int = 3) -> torch.nn.Module:
    torch.manual_seed(0)
    config = FusionConfig(kind=kind, width=width, heads=2, layers=1)  # type: ignore[arg-type]
    return build_fusion(config, {name: WIDTHS[name] for name in modalities}, outputs).eval()


def features(*modalities: str, batch: int = 2) -> Features:
    torch.manual_seed(1)
    return {
        name: EncoderOutput(torch.randn(batch, WIDTHS[name].pooled), torch.randn(batch, 3, WIDTHS[name].tokens))
        for name in modalities
    }


@pytest.mark.parametrize("kind", FUSIONS)
@pytest.mark.parametrize("modalities", [("video",), ("audio", "video"), ("audio", "text", "video"), ("text", "audio")])
def test_every_fusion_reads_every_modality(kind: str, modalities: tuple[str, ...]) -> None:
    given = {name: EncoderOutput(*(x.requires_grad_() for x in out[:2])) for name, out in features(*modalities).items()}
    logits = fusion(kind, *modalities)(given)
    assert logits.shape == (2, 3)
    logits.square().sum().backward()
    for out in given.values():
        read = out.tokens if kind == "transformer" else out.pooled
        assert read is not None and read.grad is not None and read.grad.abs().sum() > 0


def test_late_fusion_is_the_sum_of_slices_with_a_share_of_the_bias_each() -> None:
    module, given = fusion("linear", "audio", "video"), features("audio", "video")
    assert isinstance(module, LinearFusion)
    audio, video = module.linear.weight.split([6, 5], dim=1)
    share = module.linear.bias / 2
    expected = given["audio"].pooled @ audio.T + share + given["video"].pooled @ video.T + share
    torch.testing.assert_close(module(given), expected)


def test_summed_decisions_add_the_logits_of_their_heads() -> None:
    module, given = fusion("sum", "audio", "video"), features("audio", "video")
    assert isinstance(module, SummedDecisions)
    expected = module.heads["audio"](given["audio"].pooled) + module.heads["video"](given["video"].pooled)
    torch.testing.assert_close(module(given), expected)


def test_the_mlp_sums_projections_before_two_layers() -> None:
    module, given = fusion("mlp", "audio", "video"), features("audio", "video")
    assert isinstance(module, MlpFusion)
    x: Tensor = module.projections["audio"](given["audio"].pooled) + module.projections["video"](given["video"].pooled)
    expected = module.layers[5](relu(module.layers[2](relu(x))))
    torch.testing.assert_close(module(given), expected)


@pytest.mark.parametrize("order", [("audio", "video"), ("video", "audio")])
def test_film_is_audio_acting_on_video(order: tuple[str, str]) -> None:
    module, given = fusion("film", *order), features(*order)
    assert isinstance(module, FilmFusion)
    gamma, beta = module.conditions["audio"](given["audio"].pooled).split(5, dim=1)
    torch.testing.assert_close(module(given), module.linear(gamma * given["video"].pooled + beta))


def test_film_of_three_modulates_in_turn_and_without_video_the_last() -> None:
    module, given = fusion("film", "text", "audio", "video"), features("text", "audio", "video")
    assert isinstance(module, FilmFusion)
    z = given["video"].pooled
    for name in ("text", "audio"):
        gamma, beta = module.conditions[name](given[name].pooled).split(5, dim=1)
        z = gamma * z + beta
    torch.testing.assert_close(module(given), module.linear(z))
    assert fusion("film", "audio", "text").modulated == "text"


def test_gates_multiply_the_video() -> None:
    module, given = fusion("gated", "audio", "text", "video"), features("audio", "text", "video")
    assert isinstance(module, GatedFusion)
    z = {name: module.projections[name](out.pooled) for name, out in given.items()}
    torch.testing.assert_close(module(given), module.linear(z["video"] * z["audio"].sigmoid() * z["text"].sigmoid()))


def test_the_transformer_does_not_attend_to_padding() -> None:
    module, given = fusion("transformer", "text", "video"), features("text", "video")
    assert isinstance(module, TransformerFusion)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    given["text"] = given["text"]._replace(mask=mask)
    tokens = given["text"].tokens
    assert tokens is not None
    other = given | {"text": given["text"]._replace(tokens=tokens.masked_fill(~mask[..., None], 9.0))}
    torch.testing.assert_close(module(given), module(other))
    heard = given | {"text": given["text"]._replace(mask=None)}
    assert not torch.allclose(module(given)[0], module(heard)[0])


def test_the_sizes_of_the_papers() -> None:
    """Two ResNet-18 features of 512 and six emotions."""
    widths = {"audio": Width(512, 512), "video": Width(512, 512)}

    def count(kind: str, width: int) -> int:
        module = build_fusion(FusionConfig(kind=kind, width=width), widths, 6)  # type: ignore[arg-type]
        return sum(parameter.numel() for parameter in module.parameters())

    assert count("linear", 1) == 1024 * 6 + 6
    assert count("sum", 1) == 2 * (512 * 6 + 6)
    assert count("mlp", 64) == 2 * (512 * 64 + 64) + 64 * 64 + 64 + 64 * 6 + 6
    assert count("film", 1) == 512 * 1024 + 1024 + 512 * 6 + 6
    assert count("gated", 512) == 2 * (512 * 512 + 512) + 512 * 6 + 6
