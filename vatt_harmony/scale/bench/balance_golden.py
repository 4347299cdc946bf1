"""Row 04.1: every number of balancing that is known beforehand, from published code, papers or derivation."""

from collections.abc import Callable, Iterator

from vatt_harmony.figures import Figure
from vatt_harmony.scale.balance_checks import adam, facts, golden, tables
from vatt_harmony.scale.balance_checks.check import Check
from vatt_harmony.scale.bench.suite import Options, Row, measured, measures

SOURCES: tuple[Callable[[], Iterator[Check]], ...] = (tables.checks, golden.checks, adam.checks, facts.checks)

MEASURES = measures(
    "04.1",
    ("checks with known numbers that do not pass", "== 0", ""),
    ("checks with known numbers", "", ""),
)


def all_checks() -> list[Check]:
    """Each check with its group and name, in the order of docs/balancing.md."""
    return [check for source in SOURCES for check in source()]


def as_markdown(checks: list[Check]) -> str:
    """A table of the checks, a line each."""
    rows = [f"| {c.group} | {c.name} | {c.wanted:g} | {c.found:.6g} | {'yes' if c.passes else 'NO'} |" for c in checks]
    return "\n".join(["| group | check | known | found | passes |", "|---|---|---|---|---|", *rows]) + "\n"


def run(options: Options) -> list[Figure]:
    """All of them."""
    checks = all_checks()
    return measured(MEASURES, sum(not check.passes for check in checks), len(checks), n=len(checks))


ROW = Row(id="04.1", title="known numbers of balancing", takes="5 seconds", measures=MEASURES, run=run)
