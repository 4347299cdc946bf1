import pyarrow as pa

from vatt_harmony.conflicts.columns import COLOURS, group_sources


def test_the_largest_source_comes_first_and_the_smallest_share_the_last_colour():
    names = [name for number in range(COLOURS + 3) for name in [f"s{number}"] * (number + 1)]
    groups = group_sources(pa.chunked_array([names[:9], names[9:]]))
    assert groups.names[:2] == [f"s{COLOURS + 2}", f"s{COLOURS + 1}"]
    assert groups.names[-1] == "4 smaller sources" and len(groups.names) == COLOURS
    assert groups.of_row[names.index("s0")] == COLOURS - 1
    assert groups.of_row[names.index(f"s{COLOURS + 2}")] == 0


def test_few_sources_keep_their_names():
    groups = group_sources(pa.chunked_array([["a", "b", "b"]]))
    assert (groups.names, groups.of_row.tolist()) == (["b", "a"], [1, 0, 0])
