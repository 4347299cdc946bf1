"""Decoding by the most probable action at each step."""

import torch

from vatt_harmony.align.encoded import Encoded
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.path import Path, Step, paths, unfinished


@torch.inference_mode()
def greedy(model: NeuMatch, encoded: Encoded) -> list[Path]:
    """One path for each of B encoded sequences; in evaluation mode whatever else the batch holds, and its padding."""
    state = model.start(encoded)
    steps: list[Step] = []
    while bool((running := unfinished(model, state.left)).any()):
        score, action = model.logits(encoded, state).log_softmax(-1).max(-1)
        steps.append(Step(action, score, running))
        state = model.advance(encoded, state, action)
    return paths(steps, len(encoded.lengths))
