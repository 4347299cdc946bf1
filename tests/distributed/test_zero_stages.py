"""DeepSpeed at every ZeRO stage gives the first averaged gradient of a single torch process."""

import pytest

from vatt_harmony.engine.deepspeed_config import complete
from vatt_harmony.errors import UserError
from vatt_harmony.scale.bench.zero_stages import CELLS, batches, gradient_errors


def test_every_stage_gives_the_gradient_of_one_process() -> None:
    errors = gradient_errors()
    assert errors.keys() == {(*cell, name) for cell in CELLS for name in batches()}
    for (stage, precision, name), error in errors.items():
        assert error <= (1e-6 if precision == "fp32" else 1e-2), (stage, precision, name, error)


@pytest.mark.parametrize("half", ["bf16", "fp16"])
def test_stage_0_in_half_precision_is_refused(half: str) -> None:
    with pytest.raises(UserError, match=f"stage 0 with {half}"):
        complete({half: {"enabled": True}}, 8, 2, 0.0)


def test_accumulation_is_refused() -> None:
    with pytest.raises(UserError, match="gradient_accumulation_steps is 4"):
        complete({"gradient_accumulation_steps": 4}, 8, 2, 0.0)
