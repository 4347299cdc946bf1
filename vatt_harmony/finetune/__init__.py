"""Fine-tuning on labelled video, sound and text, with balanced modalities."""
