"""The rooms that may not import the table of pairs spell it alike."""

from dataclasses import fields

from vatt_harmony.downstream.export import model_code
from vatt_harmony.downstream.retrieval import DIRECTIONS
from vatt_harmony.model.hf import PAIR_OF
from vatt_harmony.model.pairs import PAIRS
from vatt_harmony.objective import PairWeights
from vatt_harmony.stream import capabilities


def test_one_table_of_pairs():
    assert capabilities.PAIRS == PAIRS
    assert [field.name for field in fields(PairWeights)] == list(PAIRS)
    assert {pair: tuple(pair.split("_")) for pair in PAIRS} == PAIRS
    assert all(branch in PAIRS[pair] for (branch, _), pair in PAIR_OF.items())
    assert DIRECTIONS["text_to_video"] == ("video_text", 1) and len(DIRECTIONS) == 6
    assert "pairs.py" in {path.name for path in model_code()}
