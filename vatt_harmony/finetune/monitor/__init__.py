"""What each modality is worth to a fine-tuned network, and how its balancing goes on: figures of epochs and steps."""
