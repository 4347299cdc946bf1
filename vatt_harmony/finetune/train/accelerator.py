"""Accelerate as the loop needs it: ranks of any launcher, DeepSpeed where it is asked for, the CPU without CUDA."""

import os
from typing import Any

import torch
from accelerate import Accelerator, DeepSpeedPlugin, InitProcessGroupKwargs
from accelerate.state import AcceleratorState, GradientState

from vatt_harmony.engine.deepspeed_config import read_deepspeed
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import FinetuneConfig, TrainConfig

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


def new_accelerator(config: FinetuneConfig) -> Accelerator:
    """An accelerator on the ranks that a launcher has started. All ranks must call it.

    Raises UserError for a precision that the device does not have, and for fp16 with DeepSpeed.
    """
    cuda, train = torch.cuda.is_available(), config.train
    _forget_earlier()
    if train.precision == "fp16" and not cuda:
        raise UserError(
            "train.precision is fp16, and there is no CUDA device",
            "Nothing scales gradients on a CPU; they would vanish",
            "Set train.precision to bf16 or no",
        )
    if not train.deepspeed and not _asked_for_deepspeed():
        # Told so, Accelerate joins the ranks of torchrun on CPUs too; by itself it takes each for a run of its own.
        scaled = "fp16" if train.precision == "fp16" else "no"  # for its gradient scaler; `autocast` is ours
        return Accelerator(cpu=not cuda, mixed_precision=scaled, gradient_accumulation_steps=train.accumulation)
    return Accelerator(
        deepspeed_plugin=_deepspeed(config),
        kwargs_handlers=[InitProcessGroupKwargs(backend="nccl" if cuda else "gloo")],
        gradient_accumulation_steps=train.accumulation,
    )


def autocast(config: TrainConfig, device: torch.device) -> torch.autocast:
    """The context of every forward: training and evaluation, with DeepSpeed and without it."""
    return torch.autocast(device.type, PRECISIONS.get(config.precision), enabled=config.precision != "no")


def partitions_weights(accelerator: Accelerator) -> bool:
    """Whether each rank holds a part of every weight alone (ZeRO stage 3), so that ranks must run forwards in step."""
    plugin = accelerator.state.deepspeed_plugin
    return plugin is not None and plugin.zero_stage == 3


def completed(given: dict[str, Any], config: FinetuneConfig, ranks: int) -> dict[str, Any]:
    """DeepSpeed's JSON with batch sizes, clipping and precision from the recipe, their one source.

    Weights stay fp32 and the forward runs under autocast: small fine-tuning steps vanish when added to bf16 weights.
    """
    for section in ("optimizer", "scheduler"):
        if section in given:
            raise UserError(
                f"The DeepSpeed configuration has a section {section!r}",
                "It would be ignored: optimizer and learning rate come from optim.*",
                "Remove the section and set optim.name, optim.lr, optim.schedule",
            )
    train = config.train
    micro = max(1, train.batch // train.accumulation // ranks)
    kept = {key: value for key, value in given.items() if key not in ("bf16", "fp16", "data_types")}
    zero = dict(kept.get("zero_optimization", {"stage": 0}))
    if zero.get("stage") == 3:
        zero["stage3_gather_16bit_weights_on_model_save"] = True
    return kept | {
        "train_micro_batch_size_per_gpu": micro,
        "gradient_accumulation_steps": train.accumulation,
        "train_batch_size": micro * train.accumulation * ranks,
        "gradient_clipping": config.optim.clip,  # always written: left out, DeepSpeed clips at norm 1
        "zero_optimization": zero,
    }


def _deepspeed(config: FinetuneConfig) -> DeepSpeedPlugin:
    if config.train.precision == "fp16":
        raise UserError(
            "train.precision is fp16, and DeepSpeed is asked for",
            "DeepSpeed keeps fp32 weights here, and has nothing that scales gradients for them",
            "Set train.precision to bf16",
        )
    _prepare_environment()
    if config.train.deepspeed:
        given = read_deepspeed(config.train.deepspeed)
    else:  # `accelerate launch --use_deepspeed` has put its own configuration into the environment
        given = dict(DeepSpeedPlugin().deepspeed_config)
    return DeepSpeedPlugin(hf_ds_config=completed(given, config, int(os.environ["WORLD_SIZE"])))


def _forget_earlier() -> None:
    """Accelerate refuses a second accelerator with other settings, but a process may run several fine-tunes.

    The process group stays.
    """
    AcceleratorState._reset_state()
    GradientState._reset_state()


def _asked_for_deepspeed() -> bool:
    return os.environ.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true"


def _prepare_environment() -> None:
    """A single process becomes its own rank, and DeepSpeed keeps to the CPU where there is no CUDA."""
    from vatt_harmony.engine.launch import free_port

    for name, value in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"), ("MASTER_ADDR", "127.0.0.1")):
        os.environ.setdefault(name, value)
    if "MASTER_PORT" not in os.environ:
        os.environ["MASTER_PORT"] = str(free_port())
    if torch.cuda.is_available():
        return
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    os.environ.setdefault("ACCELERATE_TORCH_DEVICE", "cpu")
    import deepspeed.ops

    # Its shared-memory operator takes minutes to compile, and a process killed meanwhile leaves a lock.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
