"""Row 04.1: the known numbers of balancing."""

import pytest

from vatt_harmony.scale.bench.balance_golden import SOURCES, all_checks, as_markdown, run
from vatt_harmony.scale.bench.suite import Options


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__module__.rsplit(".", 1)[-1])
def test_all_known_numbers_are_found(source: object) -> None:
    assert callable(source)
    failed = [(c.group, c.name, c.found, c.wanted) for c in source() if not c.passes]
    assert not failed


def test_each_check_has_a_name_of_its_own_and_a_line_in_the_table() -> None:
    checks = all_checks()
    assert len({(check.group, check.name) for check in checks}) == len(checks) == 242
    assert as_markdown(checks).count("\n") == len(checks) + 2


def test_the_row_counts_them() -> None:
    failed, total = run(Options())
    assert failed.holds and total.value == 242
