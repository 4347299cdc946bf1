"""The Trainer of Hugging Face: the model that it is given is the balancer, and `compute_loss` asks it for the loss."""

import torch
from balance_toy import batches, make_balancer
from transformers import Trainer, TrainingArguments


class BalancedTrainer(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels = inputs.pop("labels")
        output = model(**inputs)
        loss, self.report = self.accelerator.unwrap_model(model).loss(output, labels)
        return (loss, {"logits": output.logits}) if return_outputs else loss


def train(folder: str = "runs/trainer") -> list[float]:
    """Train on made-up clips; returns the loss of every step."""
    balancer = make_balancer()
    optimizer = torch.optim.AdamW(balancer.parameter_groups(lr=1e-3, weight_decay=1e-2))
    balancer.attach(optimizer)
    clips, labels = next(batches(1, rows=160))
    rows = [{"audio": a, "video": v, "labels": y} for a, v, y in zip(*clips.values(), labels, strict=True)]
    arguments = TrainingArguments(folder, logging_steps=1, label_names=["labels"], remove_unused_columns=False)
    trainer = BalancedTrainer(balancer, arguments, train_dataset=rows, optimizers=(optimizer, None))
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


if __name__ == "__main__":
    train()
