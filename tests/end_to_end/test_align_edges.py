"""Row 03.10: films of nothing, of too much or of nonsense get one message or a right alignment, from every verb."""

from pathlib import Path

import pytest

from vatt_harmony.scale.bench.align_edges import CASES, MANY, RIGHT, Case, fault

SMALL = [case for case in CASES if case.film not in RIGHT or max(RIGHT[case.film].lengths) < MANY]
LONG = Case("predict", "10,000 sentences", refused=False)


@pytest.mark.parametrize("case", [*SMALL, LONG], ids=lambda case: case.name)
def test_the_answer_is_one_message_or_right(case: Case, tmp_path: Path) -> None:
    assert fault(case, tmp_path) is None


def test_a_wrong_answer_is_noticed(tmp_path: Path) -> None:
    assert fault(Case("predict", "one clip, one sentence", refused=True), tmp_path / "a") == "status 0, 0 messages"
    assert str(fault(Case("predict", "infinite times", refused=False), tmp_path / "b")).startswith("status 2")
