"""The examples of docs/balance-any-model.md run, are short, and train as a plain loop does.

Those for Accelerate and DeepSpeed also run on two ranks, in tests/distributed.
"""

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch.utils.data import SequentialSampler

from vatt_harmony.model.torchvision_ops import prepare_torchvision

prepare_torchvision()  # transformers imports it with its training arguments
PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "docs" / "examples"
PAGE = (PROJECT / "docs" / "balance-any-model.md").read_text()
NAMES = ("balance_torch", "balance_accelerate", "balance_trainer", "balance_deepspeed")
sys.path.insert(0, str(FOLDER))


def example(name: str) -> ModuleType:
    return importlib.import_module(name)


@pytest.mark.parametrize("name", NAMES)
def test_each_example_has_at_most_thirty_lines_and_is_on_the_page(name: str) -> None:
    assert len((FOLDER / f"{name}.py").read_text().splitlines()) <= 30
    assert f"examples/{name}.py" in PAGE


def test_a_plain_loop_trains(capsys: pytest.CaptureFixture[str]) -> None:
    curve = example("balance_torch").train(steps=40)
    assert sum(curve[-5:]) < 0.9 * sum(curve[:5])
    assert capsys.readouterr().out.count("k/audio") == 40


def test_accelerate_trains_as_the_plain_loop_begins() -> None:
    curve = example("balance_accelerate").train(steps=4)
    assert curve[0] == pytest.approx(example("balance_torch").train(steps=1)[0])


def test_the_trainer_trains_as_a_plain_loop_with_accumulation(tmp_path: Path) -> None:
    """Two optimizer steps of two micro-batches each, clipped."""
    from transformers import TrainingArguments

    toy = example("balance_toy")

    class InOrder(example("balance_trainer").BalancedTrainer):  # type: ignore[misc]
        def _get_train_sampler(self, train_dataset=None):  # type: ignore[no-untyped-def]
            return SequentialSampler(self.train_dataset)

    def made():  # type: ignore[no-untyped-def]
        balancer = toy.make_balancer(accumulation=2)
        optimizer = torch.optim.AdamW(balancer.parameter_groups(lr=1e-2))
        balancer.attach(optimizer)
        return balancer, optimizer

    batches = list(toy.batches(4, rows=8))
    rows = [{"audio": a, "video": v, "labels": y} for c, t in batches for a, v, y in zip(*c.values(), t, strict=True)]
    trained, optimizer = made()
    arguments = TrainingArguments(
        str(tmp_path), per_device_train_batch_size=8, gradient_accumulation_steps=2, max_steps=2, use_cpu=True,
        lr_scheduler_type="constant", remove_unused_columns=False, disable_tqdm=True, save_strategy="no",
    )  # fmt: skip
    trainer = InOrder(trained, arguments, train_dataset=rows, optimizers=(optimizer, None))
    trainer.train()
    plain, optimizer = made()
    for first in (0, 2):
        optimizer.zero_grad()
        for clips, labels in batches[first : first + 2]:
            (plain.loss(plain(**clips), labels)[0] / 2).backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizer.step()
    for one, other in zip(trained.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    assert trainer.report.scalars()["k/audio"] != 1


def test_the_example_of_the_trainer_runs(tmp_path: Path) -> None:
    curve = example("balance_trainer").train(str(tmp_path))
    assert sum(curve[-5:]) < sum(curve[:5])


def test_the_trainer_of_the_example_evaluates_between_steps(tmp_path: Path) -> None:
    from transformers import TrainingArguments

    toy, balanced = example("balance_toy"), example("balance_trainer").BalancedTrainer
    balancer = toy.make_balancer()
    optimizer = torch.optim.AdamW(balancer.parameter_groups(lr=1e-2))
    balancer.attach(optimizer)
    clips, labels = next(toy.batches(1, rows=16))
    rows = [{"audio": a, "video": v, "labels": y} for a, v, y in zip(*clips.values(), labels, strict=True)]
    arguments = TrainingArguments(
        str(tmp_path), max_steps=2, use_cpu=True, eval_strategy="steps", eval_steps=1, label_names=["labels"],
        remove_unused_columns=False, disable_tqdm=True, save_strategy="no",
    )  # fmt: skip
    trainer = balanced(balancer, arguments, train_dataset=rows, eval_dataset=rows, optimizers=(optimizer, None))
    trainer.train()
    predicted = trainer.predict(rows)
    assert predicted.predictions.shape == (16, toy.CLASSES) and predicted.metrics["test_loss"] > 0
    assert balancer.steps == 2 and sum("eval_loss" in entry for entry in trainer.state.log_history) == 2


def test_the_rule_on_the_page_balances() -> None:
    from support.balance_evidence import evidence

    code = re.findall(r"```python\n(.*?)```", PAGE, re.S)[-1]
    names: dict[str, type] = {}
    exec(code, names)
    assert names["Proportional"]().coefficients(evidence([0.2, 0.4])).tolist() == pytest.approx([2, 0.5])


def test_the_loop_on_the_page_trains() -> None:
    toy = example("balance_toy")
    code = re.findall(r"```python\n(.*?)```", PAGE, re.S)[0].replace(
        "Classification(6)", f"Classification({toy.CLASSES})"
    )
    clips, _ = next(toy.batches(1))
    model = toy.AudioVideo()
    names = {"model": model, "batch": clips, "loader": list(toy.batches(2))}
    exec(code, names)
    assert names["model"] is model and names["report"].scalars()["k/audio"] != 1


def test_every_rule_is_on_the_page() -> None:
    from vatt_harmony.balance import RULES

    assert not [rule.__name__ for rule in RULES.values() if f"`{rule.__name__}`" not in PAGE]
