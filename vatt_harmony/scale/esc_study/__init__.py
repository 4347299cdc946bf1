"""The study of pretraining on environmental sounds; why and how: docs/balancing/protocol-esc10.md."""
