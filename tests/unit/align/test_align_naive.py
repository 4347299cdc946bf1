"""Computing everything anew at each step gives what the fast way gives."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.support.aligners import random_features, small_aligner
from vatt_harmony.align.greedy import greedy
from vatt_harmony.align.naive import naive


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"actions": "one_to_one"},
        {"actions": "five"},
        {"actions": "streams"},
        {"norm": "4ln", "layers": 1},
        {"norm": "none", "branches": "full", "dropout": 0.1},
        {"mask": "none"},
        {"history": False},
        {"content": False},
    ],
    ids=str,
)
def test_greedy_is_naive(options: dict[str, Any]) -> None:
    lengths = torch.tensor([[9, 6], [2, 2], [4, 0], [0, 0]])
    if options.get("actions") == "streams":
        lengths = torch.cat([lengths, lengths[:, :1]], dim=1)
    model = small_aligner(lengths.shape[1], **options)
    features = random_features(lengths)
    for row, fast in enumerate(greedy(model, model.encode(features, lengths))):
        slow = naive(model, [each[row, :n] for each, n in zip(features, lengths[row].tolist(), strict=True)])
        np.testing.assert_array_equal(slow.actions, fast.actions)
        np.testing.assert_allclose(slow.log_probabilities, fast.log_probabilities, atol=1e-5)
