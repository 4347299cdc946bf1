import pytest
import torch
from support.finetune_table import table_recipe

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.train.accelerator import autocast, completed, new_accelerator

RECIPE = table_recipe("nowhere", train__batch=24, train__accumulation=3, optim__clip=0.5)


def test_batch_clipping_and_precision_come_from_the_recipe():
    given = {"bf16": {"enabled": True}, "train_batch_size": 7, "zero_optimization": {"stage": 3}, "steps_per_print": 9}
    assert completed(given, RECIPE, 2) == {
        "train_micro_batch_size_per_gpu": 4, "gradient_accumulation_steps": 3, "train_batch_size": 24,
        "gradient_clipping": 0.5, "steps_per_print": 9,
        "zero_optimization": {"stage": 3, "stage3_gather_16bit_weights_on_model_save": True},
    }  # fmt: skip
    assert completed({}, RECIPE, 2)["zero_optimization"] == {"stage": 0}


@pytest.mark.parametrize("section", ["optimizer", "scheduler"])
def test_a_second_source_of_the_rate_is_refused(section):
    with pytest.raises(UserError, match=section):
        completed({section: {}}, RECIPE, 1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="fp16 works there")
def test_fp16_needs_cuda():
    with pytest.raises(UserError, match="fp16"):
        new_accelerator(table_recipe("nowhere", train__precision="fp16"))


def test_autocast_follows_the_precision():
    for precision, dtype in (("no", torch.float32), ("bf16", torch.bfloat16)):
        with autocast(table_recipe("nowhere", train__precision=precision).train, torch.device("cpu")):
            assert torch.nn.functional.linear(torch.ones(1, 2), torch.ones(1, 2)).dtype == dtype
