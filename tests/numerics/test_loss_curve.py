"""A checked-in curve: ten harmonized updates of a small model in fp64 give the losses they gave when it was written.

A change that moves this curve changes the training of every user. If that is meant, say so in CHANGELOG.md and write
the new curve with `python tests/numerics/test_loss_curve.py`.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

CURVE = Path(__file__).with_name("loss_curve.json")


def curve() -> dict[str, list[float]]:
    """Losses of both pairs and the mean cosine before each update."""
    from support.batches import random_batch, tiny_config, tiny_model

    from vatt_harmony.engine.encode import encode
    from vatt_harmony.engine.surrogate import gather, judge, surrogate
    from vatt_harmony.harmony.config import CurriculumConfig, HarmonyConfig
    from vatt_harmony.harmony.state import HarmonyState
    from vatt_harmony.objective.config import ObjectiveConfig

    config, objective = tiny_config(), ObjectiveConfig()
    schedule = CurriculumConfig(kind="quantile", q0=0.0, q1=0.4, t0=2, t1=8)
    harmony, state = HarmonyConfig(curriculum=schedule), HarmonyState()
    model = tiny_model(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    found: dict[str, list[float]] = {"video_audio": [], "video_text": [], "cosine": []}
    for step in range(10):
        batch = random_batch(12, config, seed=step % 3)
        encoded = encode(model, replace(batch, audio=batch.audio.double()), torch.device("cpu"))
        gathered = gather(encoded, harmony.kernel_branches(model.shared_branches), 0, 1)
        judged = judge(gathered, model.head_stage, objective, harmony, model.shared_branches, state, step)
        optimizer.zero_grad()
        surrogate(encoded, gathered, judged, model.head_stage, objective).backward()
        optimizer.step()
        assert judged.harmonized is not None
        state = judged.harmonized.state
        for pair, loss in judged.losses.means.items():
            found[pair].append(float(loss))
        found["cosine"].append(float(judged.harmonized.cosines.nanmean()))
    return found


def test_the_curve_is_the_one_on_record() -> None:
    recorded = json.loads(CURVE.read_text())
    for name, values in curve().items():
        assert values == pytest.approx(recorded[name], rel=1e-6), name


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    CURVE.write_text(json.dumps(curve(), indent=1) + "\n")
