from pathlib import Path

import pytest

from vatt_harmony.scale.bench import align_yms
from vatt_harmony.scale.bench.suite import NotRun, Options


@pytest.fixture(autouse=True)
def without_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(align_yms, "made", lambda splits: [100.0] * align_yms.MADE)


def test_the_row_agrees_with_the_specification_to_the_printed_digit(data_root: Path) -> None:
    figures = align_yms.ROW.run(Options(data=data_root))

    assert [figure.id for figure in figures] == [figure.id for figure in align_yms.ROW.measures]
    assert [figure.value for figure in figures[:2]] == [0, 0]
    assert [figure.n for figure in figures[:2]] == [49, 40]
    assert all(figure.holds for figure in figures)


def test_the_row_notices_another_number(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(align_yms, "LARGEST", (249, 96, 317))
    monkeypatch.setitem(align_yms.ROWS, ("phrases", "val"), ((12.1, 0.0), *align_yms.ROWS["phrases", "val"][1:]))

    figures = align_yms.ROW.run(Options(data=data_root))

    assert [figure.value for figure in figures[:2]] == [1, 1]


def test_without_annotations_the_row_is_not_run() -> None:
    with pytest.raises(NotRun):
        align_yms.ROW.run(Options())
