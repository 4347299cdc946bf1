"""The alignment study: NeuMATCH beside its baselines, on what can be measured without the films of the papers."""
