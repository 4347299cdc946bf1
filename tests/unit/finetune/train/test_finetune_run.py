import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.finetune_table import table_recipe, write_table
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.models.model import FinetuneModel
from vatt_harmony.finetune.splits import open_splits
from vatt_harmony.finetune.train import metrics
from vatt_harmony.finetune.train.evaluate import Evaluator
from vatt_harmony.finetune.train.loop import Trainer
from vatt_harmony.finetune.train.run import Stopped, finetune


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("table"))


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "run"
    finetune(table_recipe(table), run)
    return run


def test_memory_and_folder_train_alike_and_leave_the_callers_random_numbers(table, run):
    torch.manual_seed(5)
    before, told = torch.get_rng_state(), []
    result = finetune(table_recipe(table), progress=told.append)
    assert torch.equal(torch.get_rng_state(), before)
    assert told == list(result.history) and [epoch["epoch"] for epoch in told] == [1, 2]
    kept = finetune(table_recipe(table), run)
    assert (kept.test, kept.history, kept.trace) == (result.test, result.history, result.trace)
    best = result.history[result.best_epoch - 1]
    assert result.validation["accuracy"] == best["validation/accuracy"] == max(e["validation/accuracy"] for e in told)
    assert {"k/audio", "distance", "score/video"} <= {name.removeprefix("train/") for name in best}
    shapley = [result.test[f"shapley/{name}"] for name in ("video", "audio")]
    nothing = metrics.score("classification", result.predictions.outputs["without audio+video"],
                            result.predictions.targets)  # fmt: skip
    assert sum(shapley) == pytest.approx(result.test["accuracy"] - nothing)


def test_the_run_folder_holds_what_it_says(table, run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    steps = [json.loads(line) for line in (run / "steps.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6] and [line["step"] for line in steps] == [1, 2, 3, 4, 5, 6]
    tags = EventAccumulator(str(run / "tensorboard")).Reload().Tags()["scalars"]
    assert {"steps/k/audio", "validation/accuracy/video", "train/fused_loss"} <= set(tags)
    assert json.loads((run / "environment.json").read_text())["ranks"] == 1
    result = finetune(table_recipe(table), run)
    model, test = FinetuneModel.from_pretrained(run / "model"), open_splits(table_recipe(table)).test
    with torch.no_grad():
        logits = [model(**{n: v[None] for n, v in test[i].inputs.items()}).numpy()[0] for i in range(len(test))]
    assert np.allclose(np.stack(logits), result.predictions.outputs["fused"], atol=1e-5)


def test_a_signal_ends_with_a_checkpoint_and_the_run_goes_on_as_it_would_have(table, tmp_path, monkeypatch):
    dropout = {"fusion__kind": "mlp", "fusion__width": 16, "fusion__dropout": 0.5}
    options = {"task__mixup": 0.4, "optim__schedule": "cosine", "balance__ema": 0.5}
    config = table_recipe(table, train__epochs=3, **dropout, **options)
    whole = finetune(config)
    update, stops = Trainer._update, [5, 6]

    def interrupted(self, batches):
        update(self, batches)
        if self.step + 1 in stops:
            stops.remove(self.step + 1)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Trainer, "_update", interrupted)
    for step in (5, 6):  # in the middle of an epoch, and at its end
        with pytest.raises(Stopped, match=f"after step {step} of 9"):
            finetune(config, tmp_path / "run")
        assert (tmp_path / "run" / "checkpoints" / "latest").read_text() == f"step_{step:08d}\n"
    resumed = finetune(config, tmp_path / "run")
    assert (resumed.history, resumed.test, resumed.trace) == (whole.history, whole.test, whole.trace)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]


def test_the_test_split_is_looked_at_once(table, run, monkeypatch):
    asked = []
    predict = Evaluator.predict
    monkeypatch.setattr(Evaluator, "predict", lambda self, split: (asked.append(split), predict(self, split))[1])
    finetune(table_recipe(table))
    assert asked == ["val", "val", "test"]
    finetune(table_recipe(table), run)
    assert len(asked) == 3


def test_another_recipe_in_the_same_folder_is_refused(table, run):
    with pytest.raises(UserError, match=r"another balance\.rule, optim\.lr"):
        finetune(table_recipe(table, balance__rule="none", optim__lr=1.0), run)


def test_patience_ends_the_training_early(table):
    config = table_recipe(table, train__epochs=9, train__patience=1, optim__lr=1e-12)
    assert [epoch["epoch"] for epoch in finetune(config).history] == [1, 2]


def test_epochs_of_so_many_steps_and_a_last_step(table):
    result = finetune(table_recipe(table, train__epochs=9, train__epoch_steps=2, train__max_steps=5))
    assert [epoch["step"] for epoch in result.history] == [2, 4, 5] and result.updates == 5


@pytest.mark.parametrize("rule, heads", [("none", False), ("mlb-faithful", True), ("gblend", True), ("agm", False)])
def test_rules_train(table, rule, heads):
    result = finetune(table_recipe(table, balance__rule=rule, train__epochs=1, train__accumulation=2, optim__clip=0.1))
    assert 0 <= result.test["accuracy"] <= 1 and ("accuracy/audio" in result.test) == heads


def test_what_cannot_be_read_is_counted_and_a_loss_that_is_not_finite_ends_the_run(table, tmp_path):
    broken = write_table(tmp_path / "broken")
    for number in (0, 18, 24):  # one of each split
        (broken.parent / f"{number}.wav").write_bytes(b"no sound")
    result = finetune(table_recipe(broken))
    assert {split: sum(reasons.values()) for split, reasons in result.failures.items()} == dict.fromkeys(
        result.failures, 1
    )
    assert len(result.predictions.keys) == 5
    with pytest.raises(UserError, match="not finite"):
        finetune(table_recipe(table, optim__lr=1e30, optim__name="sgd"))


def test_a_head_is_judged_by_the_clips_that_have_its_modality(tmp_path):
    table = write_table(tmp_path / "silent")
    for number in (0, 18, 24, 25):
        (table.parent / f"{number}.wav").unlink()
    result = finetune(table_recipe(table, data__missing="mask", train__epochs=1))
    audio, targets = result.predictions.outputs["audio"], result.predictions.targets
    assert np.isnan(audio).any(1).tolist() == [True, True, False, False, False, False]
    assert result.test["accuracy/audio"] == (audio[2:].argmax(1) == targets[2:]).mean()
    assert all(np.isfinite(values).all() for name, values in result.predictions.outputs.items() if name != "audio")


def test_figures_of_other_tasks(table, tmp_path):
    rows = table.read_text().replace("high", "1.5").replace("middle", "0.5").replace("low", "-1")
    numbers = table.with_name("numbers.csv")
    numbers.write_text(rows)
    config = table_recipe(numbers, task__kind="regression", train__epochs=1)
    assert {"mae", "mse", "correlation", "mae/audio"} <= set(finetune(config).test)
    several = table.with_name("several.csv")
    several.write_text(table.read_text().replace("low", "low|deep"))
    config = table_recipe(
        several, task__kind="multilabel", train__epochs=1, train__select="map", train__precision="bf16"
    )
    result = finetune(replace(config, seed=1))
    assert {"map", "auc", "d_prime", "map/video"} <= set(result.test)
    with pytest.raises(UserError, match="mixup"):
        finetune(table_recipe(numbers, task__kind="regression", task__mixup=0.2))
