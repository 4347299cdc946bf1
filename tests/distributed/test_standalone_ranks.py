"""Harmonizer on two ranks, under DDP, Accelerate and DeepSpeed, equals Harmonizer on one rank with all rows."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from support.ranks import run_ranks
from torch import Tensor, nn

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
ROWS, RATE = 12, 0.5
Grads = dict[str, Tensor]


def toy() -> Any:
    sys.path.insert(0, str(EXAMPLES))
    import toy

    return toy


def towers(dtype: torch.dtype) -> Any:
    torch.manual_seed(0)
    return toy().TwoTowers().to(dtype)


def share(rank: int, world_size: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """A rank's rows; every third clip has no label that counts."""
    clips = next(toy().batches(1, ROWS, rank, world_size))
    labelled = torch.arange(ROWS) % 3 > 0
    clips["labelled"] = labelled[rank * ROWS // world_size : (rank + 1) * ROWS // world_size]
    return {name: x.to(dtype) if x.is_floating_point() else x for name, x in clips.items()}


def loss_of(model: Callable[..., Any], net: Any, clips: dict[str, Tensor], **options: Any) -> tuple[Tensor, Any]:
    from vatt_harmony.harmony import Harmonizer

    def losses(z: dict[str, Tensor]) -> dict[str, Tensor]:
        some = {name: rows[z["labelled"]] for name, rows in z.items()}
        return net.losses(z) | {name: term for name, term in net.losses(some).items() if name != "contrastive"}

    z = model(clips) | {"label": clips["label"], "labelled": clips["labelled"]}
    valid = {"video_label": clips["labelled"], "audio_label": clips["labelled"]}
    return Harmonizer(**options)(z, losses, valid=valid)


def grads(net: nn.Module) -> Grads:
    return {name: parameter.grad.clone() for name, parameter in net.named_parameters()}


def alone(dtype: torch.dtype) -> Grads:
    net = towers(dtype)
    loss_of(net, net, share(0, 1, dtype))[0].backward()
    return grads(net)


def under_ddp(rank: int, world_size: int) -> Grads:
    net = towers(torch.float64)
    model = nn.parallel.DistributedDataParallel(net)  # lives until the backward, or nothing is reduced
    loss, _ = loss_of(model, net, share(rank, world_size, torch.float64))
    loss.backward()
    return grads(net)


def summed_by_hand(rank: int, world_size: int) -> Grads:
    net = towers(torch.float64)
    loss_of(net, net, share(rank, world_size, torch.float64), averaged=False)[0].backward()
    for parameter in net.parameters():
        torch.distributed.all_reduce(parameter.grad)
    return grads(net)


def under_accelerate(rank: int, world_size: int) -> Grads:
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    model = accelerator.prepare(towers(torch.float64))
    net = accelerator.unwrap_model(model)
    loss, _ = loss_of(model, net, share(rank, world_size, torch.float64))
    accelerator.backward(loss)
    return grads(net)


def under_deepspeed(rank: int, world_size: int, stage: int) -> Grads:
    """What one SGD step in fp32 took away, divided by its rate."""
    import deepspeed

    net = towers(torch.float32)
    before = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
    config = {
        "train_micro_batch_size_per_gpu": ROWS // world_size,
        "optimizer": {"type": "SGD", "params": {"lr": RATE}},
        "zero_optimization": {"stage": stage},
        "zero_allow_untested_optimizer": True,
        "gradient_clipping": 0.0,
    }
    engine, *_ = deepspeed.initialize(model=net, model_parameters=net.parameters(), config=config)
    loss, _ = loss_of(engine, engine.module, share(rank, world_size, torch.float32))
    engine.backward(loss)
    engine.step()
    return {name: (before[name] - parameter.detach()) / RATE for name, parameter in net.named_parameters()}


def everything(rank: int, world_size: int) -> dict[str, Any]:
    toy()
    import toy_accelerate_harmonized
    import toy_deepspeed_harmonized

    ways = (under_ddp, summed_by_hand, under_accelerate)
    found: dict[str, Any] = {way.__name__: way(rank, world_size) for way in ways}
    found |= {f"zero_{stage}": under_deepspeed(rank, world_size, stage) for stage in (0, 1, 2)}
    scripts = (toy_accelerate_harmonized, toy_deepspeed_harmonized)
    return found | {script.__name__: script.train(steps=4) for script in scripts}


def test_two_ranks_equal_one_and_the_examples_run_on_two(tmp_path: Path) -> None:
    expected = alone(torch.float64)
    both = run_ranks(everything, 2, tmp_path)
    exact = dict.fromkeys(("under_ddp", "summed_by_hand", "under_accelerate"), 1e-12)
    for way, tolerance in (exact | dict.fromkeys(("zero_0", "zero_1", "zero_2"), 1e-5)).items():
        for rank in both:
            for name, gradient in rank[way].items():
                torch.testing.assert_close(
                    gradient.double(), expected[name], rtol=tolerance, atol=tolerance, msg=f"{way} {name}"
                )
    for script in ("toy_accelerate_harmonized", "toy_deepspeed_harmonized"):
        assert both[0][script] == both[1][script] and len(both[0][script]) == 4
