"""Three streams at once: the recipe learns from what the items mean, not only from where they stand."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vatt_harmony.align.by_count import pair_scores
from vatt_harmony.align.config import AlignConfig
from vatt_harmony.align.decode import predict_all
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.sequence import NULL, AlignmentSequence, Stream
from vatt_harmony.align.train.fit import fit
from vatt_harmony.config import load_config

RECIPE = Path(__file__).parents[4] / "configs" / "align" / "tacos-three.yaml"
EVENTS, WIDTH, STREAMS = 9, 12, 3


def told(seed: int) -> AlignmentSequence:
    """Three accounts of the same events, each of which leaves some out."""
    generator = np.random.default_rng(seed)
    meaning = generator.normal(size=(EVENTS, WIDTH))
    kept = generator.random((STREAMS, EVENTS)) < 0.7
    places = np.where(kept, kept.cumsum(1) - 1, NULL)
    pairs = places.T[(kept.sum(0) > 1)]

    def stream(number: int) -> Stream:
        features = meaning[kept[number]] + 0.5 * generator.normal(size=(int(kept[number].sum()), WIDTH))
        times: NDArray[np.float64] = np.full((len(features), 2), np.nan)
        single = features.astype(np.float32)
        return Stream(name=f"account {number}", spans=times, features=single, joint=single, texts=("",) * len(times))

    streams = tuple(stream(number) for number in range(STREAMS))
    return AlignmentSequence(name=f"events {seed}", group=str(seed), streams=streams, pairs=pairs.astype(np.int64))


def f1(model: NeuMatch, sequences: list[AlignmentSequence], config: AlignConfig) -> float:
    """Mean F1 of items standing in one row."""
    predictions = predict_all(model, sequences, config.decode)
    scores = [
        pair_scores(predicted.pairs, sequence.pairs)[2]
        for predicted, sequence in zip(predictions, sequences, strict=True)
        if sequence.pairs is not None
    ]
    return float(np.mean(scores))


@pytest.fixture(scope="module")
def trained() -> dict[str, float]:
    train, val = [told(seed) for seed in range(48)], [told(seed) for seed in range(100, 115)]
    overrides = ["--network.width", "16", "--train.epochs", "8", "--train.batch", "8", "--train.stop_after", "0"]
    config = load_config(AlignConfig, RECIPE, overrides)
    alone = load_config(AlignConfig, RECIPE, [*overrides, "--network.content", "false"])
    return {
        "trained": f1(fit(config, train, val).model, val, config),
        "positions": f1(fit(alone, train, val).model, val, alone),
        "untrained": f1(NeuMatch(config.network, [WIDTH] * STREAMS).eval(), val, config),
    }


def test_meaning_beats_positions_and_chance(trained: dict[str, float]) -> None:
    assert trained["trained"] > trained["positions"] + 0.15
    assert trained["trained"] > trained["untrained"] + 0.15
