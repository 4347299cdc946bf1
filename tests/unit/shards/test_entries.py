"""The table of samples gives back the entries it was made of, in tens of bytes each."""

import pickle

from hypothesis import given, settings
from hypothesis import strategies as st

from vatt_harmony.shards.entries import SampleEntry, SampleTable
from vatt_harmony.shards.sample import split_member
from vatt_harmony.shards.tarscan import Member

names = st.from_regex(r"(\./)?([a-zß\udc80]{1,3}/)?[a-zß\n\udc80]{1,3}\.[A-Za-z.]{1,4}", fullmatch=True)
members = st.builds(Member, names, st.integers(0, 2**50), st.integers(0, 2**40))


@settings(max_examples=60, deadline=None)
@given(st.lists(members, max_size=12))
def test_entries_come_back_as_they_were(found: list[Member]) -> None:
    parts = [split_member(member.name) for member in found]
    entries = [SampleEntry(part[0], (member, member)) for part, member in zip(parts, found, strict=True) if part]
    table = pickle.loads(pickle.dumps(SampleTable(entries)))
    assert list(table) == entries and len(table) == len(entries) and table == SampleTable(entries)
    assert [key.decode("utf-8", "surrogateescape") for key in table.key_bytes()] == [entry.key for entry in entries]
    assert not entries or (table[-1] == entries[-1] and table[1:] == entries[1:])


def test_a_sample_of_two_members_takes_less_than_a_hundred_bytes() -> None:
    keys = [f"clip-{i:012d}" for i in range(10_000)]
    pairs = ((Member(f"{key}.mp4", 1 << 35, 1 << 20), Member(f"{key}.json", 1 << 36, 400)) for key in keys)
    table = SampleTable(SampleEntry(key, both) for key, both in zip(keys, pairs, strict=True))
    assert len(pickle.dumps(table)) < 100 * len(table)
