"""Harmonizer in a loop of its own: exact, linear in the loss, and clear about what it cannot do."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from support.per_sample import explicit_gradients
from torch import Tensor, nn

from vatt_harmony.errors import UserError
from vatt_harmony.harmony import CurriculumConfig, Harmonizer, HarmonyConfig, PairBalanceConfig, capture_input

ROWS = 7
TOWERS = [("image", "other"), ("text",)]


class Model(nn.Module):
    """An image tower for two pictures and a text tower for two captions of each sample, with different widths."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 8))
        self.text = nn.Sequential(nn.Linear(5, 9), nn.Tanh(), nn.Linear(9, 4))
        self.image_head, self.text_head = nn.Linear(8, 4), nn.BatchNorm1d(4)
        self.scale = nn.Parameter(torch.tensor(1.5))

    def losses(self, z: Mapping[str, Tensor]) -> dict[str, Tensor]:
        image, other = self.image_head(z["image"]), self.image_head(z["other"])
        text = self.text_head(z["text"].flatten(0, 1)).unflatten(0, z["text"].shape[:2])
        told = z["told"]
        return {
            "pictures": nce(image, other, self.scale),
            "first": nce(image[told[:, 0]], text[told[:, 0], 0], self.scale),
            # Pictures without a second caption stay negatives of the others' captions: a gradient, but no loss.
            "second": 0.5 * nce(text[told[:, 1], 1], image, self.scale, told[:, 1].nonzero().flatten()),
        }


def nce(a: Tensor, b: Tensor, scale: Tensor, own: Tensor | None = None) -> Tensor:
    logits = scale.exp() * F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T
    return F.cross_entropy(logits, torch.arange(len(a)) if own is None else own)


def batch() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(3)
    shapes = {"image": (ROWS, 6), "other": (ROWS, 6), "text": (ROWS, 2, 5)}
    rows = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    told = torch.ones(ROWS, 2, dtype=torch.bool)
    told[1, 1] = told[4] = False
    return rows | {"told": told}


def model() -> Model:
    torch.manual_seed(0)
    return Model().double()


def represent(model: Model, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
    images = {name: model.image(rows[name]) for name in ("image", "other")}
    return images | {"text": model.text(rows["text"]), "told": rows["told"]}


def validity(rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {"first": rows["told"][:, 0], "second": rows["told"][:, 1]}


def step(net: Model, config: HarmonyConfig | None = None, **more: Any) -> tuple[Tensor, Any]:
    rows = batch()
    harmonizer = Harmonizer(config, towers=[("image", "other")], **more)
    with capture_input(net.image[2]) as image, capture_input(net.text[2], pool=lambda rows: rows) as text:
        z = represent(net, rows)
    act = {"image": image[0], "other": image[1], "text": text[0]}
    return harmonizer(z, net.losses, valid=validity(rows), act=act)


def gradients(net: nn.Module) -> list[Tensor]:
    return [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in net.parameters()]


def assert_same(found: list[Tensor], expected: list[Tensor], tolerance: float = 1e-12) -> None:
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("signal", ["representation", "last_linear"])
def test_gradients_are_those_of_every_sample_added_up(signal: Any) -> None:
    net = model()
    trunk = [*net.image.parameters(), *net.text.parameters()]
    loss, report = step(net, HarmonyConfig(signal=signal, w_max=1e6))
    loss.backward()
    last = [net.image[2].weight, net.text[2].weight] if signal == "last_linear" else []
    rows = batch()
    expected = explicit_gradients(represent(net, rows), net.losses, trunk, TOWERS, last, validity(rows))
    assert (report.harmonized.cosines < 0).any()
    assert_same([p.grad for p in trunk], expected)


def test_heads_get_the_plain_gradient_and_the_loss_is_the_total() -> None:
    net, plain = model(), model()
    loss, report = step(net)
    loss.backward()
    terms = plain.losses(represent(plain, batch()))
    total = sum(terms.values())
    total.backward()
    assert loss.item() == pytest.approx(total.item(), rel=1e-15)
    assert {name: value.item() for name, value in report.losses.items()} == pytest.approx(
        {name: term.item() for name, term in terms.items()}, rel=1e-15
    )
    heads = ("image_head.weight", "text_head.weight", "scale")
    assert_same([net.get_parameter(n).grad for n in heads], [plain.get_parameter(n).grad for n in heads])
    assert not torch.allclose(net.image[0].weight.grad, plain.image[0].weight.grad)


def test_the_rule_sum_is_plain_training() -> None:
    net, plain = model(), model()
    step(net, HarmonyConfig(signal="representation", rule="sum"))[0].backward()
    sum(plain.losses(represent(plain, batch())).values()).backward()
    assert_same(gradients(net), gradients(plain))


def test_a_tower_of_one_loss_is_left_as_it_is() -> None:
    net, plain = model(), model()

    def two(of: Model) -> Any:
        return lambda z: {name: term for name, term in of.losses(z).items() if name != "second"}

    Harmonizer(towers=[("image", "other")])(represent(net, batch()), two(net))[0].backward()
    sum(two(plain)(represent(plain, batch())).values()).backward()
    assert_same([p.grad for p in net.text.parameters()], [p.grad for p in plain.text.parameters()])
    assert not torch.allclose(net.image[0].weight.grad, plain.image[0].weight.grad)


def test_what_has_no_graph_goes_along_untouched_and_gets_no_gradient() -> None:
    net = model()
    z = represent(net, batch())
    z["other"] = z["other"].detach()
    seen: dict[str, Tensor] = {}
    Harmonizer()(z, lambda rows: seen.update(rows) or net.losses(rows))[0].backward()
    assert seen["told"].dtype == torch.bool and not seen["other"].requires_grad
    assert torch.equal(seen["other"], z["other"])


def test_scaled_and_divided_losses_scale_and_divide_the_gradient() -> None:
    net, scaled = model(), model()
    step(net)[0].backward()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    optimizer = torch.optim.SGD(scaled.parameters(), lr=0.1)
    for _ in range(2):  # two micro-batches, here the same twice
        scaler.scale(step(scaled)[0] / 2).backward()
    scaler.unscale_(optimizer)
    assert_same(gradients(scaled), gradients(net))


def test_mixed_precision_above_the_towers_is_switched_off() -> None:
    net = model().float()
    rows = {name: x if x.dtype == torch.bool else x.float() for name, x in batch().items()}
    seen: list[Any] = []

    def losses(z: dict[str, Tensor]) -> dict[str, Tensor]:
        seen.append((z["image"].dtype, torch.is_autocast_enabled("cpu")))
        return net.losses(z)

    with torch.autocast("cpu", torch.bfloat16):
        z = represent(net, rows)
        loss, _ = Harmonizer()(z, losses, valid=validity(rows))
    loss.backward()
    assert z["image"].dtype == torch.bfloat16 and seen == [(torch.float32, False)]
    assert all(g.isfinite().all() and g.abs().sum() > 0 for g in gradients(net))


def test_a_dropped_sample_sends_nothing_down() -> None:
    net = model()
    curriculum = CurriculumConfig(kind="quantile", q0=0.5, t0=1, shape="constant")
    config = HarmonyConfig(signal="representation", curriculum=curriculum)
    harmonizer = Harmonizer(config, towers=[("image", "other")])
    kept = []
    for _ in range(2):
        z = represent(net, batch())
        for name in ("image", "other", "text"):
            z[name].retain_grad()
        loss, report = harmonizer(z, net.losses, valid=validity(batch()))
        loss.backward()
        kept.append(report.harmonized.keep)
    assert kept[0].all() and (~kept[1]).sum() == 3  # steps of the schedule are calls; 6 of the 7 samples are pairs
    assert z["image"].grad[~kept[1]].eq(0).all() and z["text"].grad[~kept[1]].eq(0).all()


def test_state_goes_on_where_it_was_saved() -> None:
    config = HarmonyConfig(signal="representation", rule="gradvac")
    net = model()
    first, second = (Harmonizer(config, towers=[("image", "other")]) for _ in range(2))
    first(represent(net, batch()), net.losses)
    second.load_state_dict(first.state_dict())
    again = [each(represent(net, batch()), net.losses)[1].harmonized.weights for each in (first, second)]
    assert second.calls == 2 and all(torch.equal(again[0][loss], again[1][loss]) for loss in again[0])
    with pytest.raises(UserError, match="version 7"):
        second.load_state_dict({"version": 7})


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (HarmonyConfig(signal="exact"), "signal exact"),
        (HarmonyConfig(signal="representation", enabled=False), "enabled false"),
        (HarmonyConfig(signal="representation", balance=PairBalanceConfig(enabled=True)), "balance"),
    ],
)
def test_options_that_need_the_model_are_refused(config: HarmonyConfig, named: str) -> None:
    with pytest.raises(UserError, match=named):
        Harmonizer(config)


def test_what_does_not_fit_is_told() -> None:
    net, rows = model(), batch()

    def call(losses: Any, z: Any = None, config: HarmonyConfig | None = None, **more: Any) -> None:
        Harmonizer(config)(z or represent(net, rows), losses, **more)

    def replaced(**terms: Any) -> Any:
        return lambda z: net.losses(z) | {name: term(z) for name, term in terms.items()}

    with pytest.raises(UserError, match="'first' does not depend"):
        call(replaced(first=lambda z: torch.zeros(())))
    with pytest.raises(UserError, match=r"'first' has the shape \[7\]"):
        call(replaced(first=lambda z: z["image"].sum(dim=1)))
    with pytest.raises(UserError, match=r"No loss depends on \['text'\]"):
        call(lambda z: {name: z["image"].sum() + z["other"].sum() for name in "ab"})
    with pytest.raises(UserError, match="No tower"):
        call(lambda z: {name: z[name].sum() for name in ("image", "other", "text")})
    with pytest.raises(UserError, match=r"names \['third'\]"):
        call(net.losses, valid={"third": rows["told"][:, 0]})
    with pytest.raises(UserError, match="do not fit"):
        call(net.losses, z=represent(net, rows) | {"told": rows["told"][:3]})
    with pytest.raises(UserError, match="no activations"):
        call(net.losses, config=HarmonyConfig(signal="last_linear"))
    with torch.no_grad(), pytest.raises(UserError, match="nothing of z is trained"):
        call(net.losses)


def test_scores_decide_instead_of_the_cosines() -> None:
    curriculum = CurriculumConfig(kind="quantile", shape="constant", q0=0.5, t0=0)
    harmonizer = Harmonizer(HarmonyConfig(signal="representation", curriculum=curriculum), towers=[("image", "other")])
    net, rows = model(), batch()
    scores = torch.arange(len(rows["told"]), dtype=torch.float32)
    _, report = harmonizer(represent(net, rows), net.losses, valid=validity(rows), scores=scores)
    paired = report.harmonized.cosines.isfinite()
    lowest = scores[paired].sort().values[: int(paired.sum()) // 2]
    assert scores[~report.harmonized.keep].tolist() == lowest.tolist()


def test_the_loss_lets_go_of_the_gradients_and_says_so_when_used_twice() -> None:
    loss, _ = step(model())
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="once only"):
        loss.backward()


@pytest.mark.parametrize("towers", [[("image", "typo")], [("image", "other"), ("image",)]])
def test_towers_name_what_z_has_once(towers: Any) -> None:
    net, rows = model(), batch()
    with pytest.raises(UserError, match="belongs to one tower"):
        Harmonizer(towers=towers)(represent(net, rows), net.losses)
