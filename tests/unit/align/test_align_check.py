"""Sequences that cannot be right are told before anything is computed with them."""

import pytest

from vatt_harmony.align.check import check_sequence
from vatt_harmony.errors import UserError
from vatt_harmony.scale.bench.align_edges import RIGHT, WRONG, film

TELLING = {
    "NaN features of a clip": "clips have features that are not finite",
    "NaN joint features of a sentence": "sentences have joint features that are not finite",
    "clips that end before they start": "end before they start",
    "infinite times": "infinite times",
    "fewer times than clips": "6 features, but times of shape",
    "more texts than sentences": "4 texts for 3 items",
    "no shared space": "no shared space",
    "pairs of clips that are not there": "items that are not there, of 6 and 3",
}


@pytest.mark.parametrize("name", RIGHT)
def test_empty_and_huge_ones_are_not_wrong(name: str) -> None:
    check_sequence(RIGHT[name])


@pytest.mark.parametrize("name", TELLING)
def test_what_is_wrong_is_told(name: str) -> None:
    with pytest.raises(UserError, match=f"film 0 cannot be right: .*{TELLING[name]}"):
        check_sequence(WRONG[name](film(6, 3)))
