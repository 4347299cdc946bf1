"""Training of a fine-tune with Accelerate: `run.finetune` from Python."""
