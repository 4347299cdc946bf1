"""Balancing on two ranks: DDP, Accelerate and DeepSpeed at every ZeRO stage give what one rank gives."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support.ranks import run_ranks
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from vatt_harmony.errors import UserError
from vatt_harmony.scale.balance_checks.runs import OPTIMIZERS, RATES, Run, apart, loss_of, make, train
from vatt_harmony.scale.bench.balance_equal import RUNS, SPLITS, over_ranks

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
DDP = ("MLB at lr, AdamW",)
ZERO = {
    "lr, accumulated": Run(point="lr", steps=6, dtype=torch.float32, weight_decay=0.01, micro=2),
    "grad": Run(point="grad", optimizer="sgd", steps=6, dtype=torch.float32),
}
FSDP = {
    "lr": Run(point="lr", steps=4),
    "slices": Run(rule="ogm", point="grad", optimizer="sgd", steps=1),
    "twice": Run(rule="mmpareto", point="grad", optimizer="sgd", steps=1),
}
TWICE = Run(rule="mmpareto", point="grad", optimizer="sgd", steps=6, dtype=torch.float32)


def under_deepspeed(rank: int, world_size: int, run: Run, stage: int) -> Tensor:
    """Parameters after the run, gathered."""
    import deepspeed

    balancer, optimizer = make(run)
    engine, wrapped, *_ = deepspeed.initialize(
        model=balancer,
        optimizer=optimizer,
        config={
            "train_micro_batch_size_per_gpu": run.rows // world_size // run.micro,
            "gradient_accumulation_steps": run.micro,
            "zero_optimization": {"stage": stage, "stage3_param_persistence_threshold": 0},
            "zero_allow_untested_optimizer": True,
            "gradient_clipping": 0.0,
        },
        dist_init_required=False,
    )
    balancer.attach(wrapped)
    size = run.rows // world_size
    for whole in run.samples():
        mine = whole.rows(slice(rank * size, (rank + 1) * size))
        for part in range(run.micro):
            few = size // run.micro
            engine.backward(loss_of(balancer, engine, mine.rows(slice(part * few, (part + 1) * few)), run.missing))
            engine.step()
    with deepspeed.zero.GatheredParameters(list(balancer.parameters()), enabled=stage == 3):
        found = torch.cat([parameter.detach().flatten().clone() for parameter in balancer.parameters()])
    engine.destroy()
    return found


def twice(rank: int, world_size: int, stage: int) -> Tensor | str:
    """A rule with several backward passes: parameters after the run, or what is said of it."""
    try:
        return under_deepspeed(rank, world_size, TWICE, stage)
    except UserError as error:
        return str(error)


def under_fsdp(rank: int, world_size: int, run: Run) -> Tensor | str:
    """The same under FSDP2, the fusion sharded by itself; or what is said of the rule."""
    balancer, _ = make(run)
    for module in (*balancer.model.encoders.values(), balancer.model.fusion, balancer):
        fully_shard(module, mesh=init_device_mesh("cpu", (world_size,)))
    optimizer = OPTIMIZERS[run.optimizer](balancer.parameter_groups(RATES[run.optimizer], run.weight_decay))
    balancer.attach(optimizer)
    size = run.rows // world_size
    try:
        for whole in run.samples():
            optimizer.zero_grad()
            mine = whole.rows(slice(rank * size, (rank + 1) * size))
            torch.autograd.backward(loss_of(balancer, balancer, mine, run.missing))
            optimizer.step()
    except UserError as error:
        return str(error)
    return torch.cat([p.detach().full_tensor().flatten() for p in balancer.parameters()])


def everything(rank: int, world_size: int) -> dict[str, Any]:
    import deepspeed
    import deepspeed.ops

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed("gloo", verbose=False)
    found: dict[str, Any] = {"ddp": over_ranks(rank, world_size, list(DDP))}
    found["zero"] = {
        (name, stage): under_deepspeed(rank, world_size, run, stage) for name, run in ZERO.items() for stage in range(4)
    }
    found["fsdp"] = {name: under_fsdp(rank, world_size, run) for name, run in FSDP.items()}
    found["twice"] = {stage: twice(rank, world_size, stage) for stage in range(4)}
    sys.path.insert(0, str(EXAMPLES))
    import balance_accelerate
    import balance_deepspeed

    found["examples"] = balance_accelerate.train(steps=4), balance_deepspeed.train(steps=4)
    return found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run_ranks(everything, 2, tmp_path_factory.mktemp("ranks"))


@pytest.mark.parametrize("name", DDP)
@pytest.mark.parametrize("split", SPLITS)
def test_two_ranks_under_ddp_equal_one(both: list[dict[str, Any]], name: str, split: str) -> None:
    """Unequal numbers of samples, and a rank without sound, included."""
    assert torch.equal(both[0]["ddp"][name, split], both[1]["ddp"][name, split])
    assert apart(both[0]["ddp"][name, split], train(replace(RUNS[name], missing=split == "unequal"))) < 1e-9


@pytest.mark.parametrize("stage", range(4))
@pytest.mark.parametrize("name", ZERO)
def test_every_zero_stage_gives_the_trajectory_of_one_process(
    both: list[dict[str, Any]], name: str, stage: int
) -> None:
    assert apart(both[0]["zero"][name, stage], train(ZERO[name])) < 2e-5
    assert torch.equal(both[0]["zero"][name, stage], both[1]["zero"][name, stage])
    plain = train(replace(ZERO[name], rule="multiloss"))
    assert apart(both[0]["zero"][name, stage], plain) > 1e-3


def test_fsdp_gives_the_trajectory_of_one_process_or_says_why_not(both: list[dict[str, Any]]) -> None:
    found = both[0]["fsdp"]
    assert apart(found["lr"], train(FSDP["lr"])) < 1e-9
    assert "fusion layer's weights are partitioned" in found["slices"]
    assert "FSDP has sharded the parameters" in found["twice"]


def test_rules_with_several_backward_passes_are_right_to_stage_1_and_refused_from_stage_2_on(
    both: list[dict[str, Any]],
) -> None:
    found = both[0]["twice"]
    assert apart(found[0], train(TWICE)) < 2e-5 and apart(found[1], train(TWICE)) < 2e-5
    assert "ZeRO stage 2 and 3" in found[2] and "ZeRO stage 2 and 3" in found[3]


def test_the_examples_run_on_two_ranks(both: list[dict[str, Any]]) -> None:
    for one, other in zip(both[0]["examples"], both[1]["examples"], strict=True):
        assert len(one) == len(other) == 4
