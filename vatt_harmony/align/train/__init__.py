"""Training of an aligner with Accelerate: `fit` from Python, `train_verb` from the command line."""
