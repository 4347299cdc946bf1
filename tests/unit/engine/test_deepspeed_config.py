import json

import pytest

from vatt_harmony.engine.deepspeed_config import complete, read_deepspeed
from vatt_harmony.errors import UserError


def test_batch_sizes_have_one_source():
    given = {"train_batch_size": 7, "gradient_accumulation_steps": "auto", "zero_optimization": {"stage": 1}}
    done = complete(given, 64, 4, clip=0.0)
    assert done["train_batch_size"] == 64 and done["train_micro_batch_size_per_gpu"] == 16
    assert done["gradient_accumulation_steps"] == 1 and done["zero_optimization"] == {"stage": 1}
    assert done["gradient_clipping"] == 0.0, "left out, DeepSpeed would clip at norm 1"
    assert given["train_batch_size"] == 7


def test_clipping_from_either_place_but_not_from_two():
    assert complete({}, 8, 1, clip=1.5)["gradient_clipping"] == 1.5
    assert complete({"gradient_clipping": 2.0}, 8, 1, clip=0.0)["gradient_clipping"] == 2.0
    assert complete({"gradient_clipping": "auto"}, 8, 1, clip=1.0)["gradient_clipping"] == 1.0
    with pytest.raises(UserError, match=r"optim\.clip is 1"):
        complete({"gradient_clipping": 2.0}, 8, 1, clip=1.0)


@pytest.mark.parametrize("kind", ["bf16", "fp16"])
def test_stage_0_in_half_precision_is_refused_with_the_reason(kind):
    with pytest.raises(UserError, match="zero gradients"):
        complete({kind: {"enabled": True}}, 8, 1, clip=0.0)
    complete({kind: {"enabled": True}, "zero_optimization": {"stage": 1}}, 8, 1, clip=0.0)
    complete({kind: {"enabled": False}}, 8, 1, clip=0.0)


def test_accumulation_is_refused_in_favour_of_chunks():
    with pytest.raises(UserError, match=r"gradient_accumulation_steps is 4[\s\S]*engine\.chunk"):
        complete({"gradient_accumulation_steps": 4}, 8, 1, clip=0.0)


def test_chunks_are_summed_in_fp32_or_refused():
    half = {"bf16": {"enabled": True}, "zero_optimization": {"stage": 2}}
    with pytest.raises(UserError, match="gradients summed in bf16"):
        complete(half, 8, 1, clip=0.0, chunk=2)
    complete(half, 8, 1, clip=0.0)
    complete(half | {"data_types": {"grad_accum_dtype": "fp32"}}, 8, 1, clip=0.0, chunk=2)
    with pytest.raises(UserError, match="which chunk is the last"):
        complete({"managed_gradient_accumulation": False}, 8, 1, clip=0.0, chunk=2)


def test_from_a_file_a_mapping_or_an_error(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"steps_per_print": 3}))
    assert read_deepspeed(str(tmp_path / "a.json")) == read_deepspeed({"steps_per_print": 3})
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        read_deepspeed(str(tmp_path / "b.json"))
    with pytest.raises(UserError, match="cannot read"):
        read_deepspeed(str(tmp_path / "c.json"))


def test_bf16_sums_gradients_at_once_or_the_heads_would_never_learn():
    given = {"bf16": {"enabled": True}, "zero_optimization": {"stage": 1}}
    assert complete(given, 8, 1, clip=0.0)["bf16"] == {"enabled": True, "immediate_grad_update": True}
    assert given["bf16"] == {"enabled": True}
    with pytest.raises(UserError, match="heads would never learn"):
        complete(given | {"bf16": {"enabled": True, "immediate_grad_update": False}}, 8, 1, clip=0.0)
