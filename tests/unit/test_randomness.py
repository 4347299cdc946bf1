import numpy as np

from vatt_harmony.randomness import keyed_generator, keyed_int


def test_values_never_change():
    """Runs of older versions are resumed and replayed by these numbers."""
    assert keyed_int(0, 5, "sample") == 3533410210981094777
    assert keyed_generator(1, "a").bit_generator.random_raw(2).tolist() == [2020323137021434962, 382603990195104122]


def test_keys_are_separated_and_typed():
    different = [(0, "ab", "c"), (0, "a", "bc"), (0, 1), (0, "1"), (1,), (0,), (0, 1, 1)]
    assert len({keyed_int(*keys) for keys in different}) == len(different)


def test_63_bits_all_used():
    values = np.array([keyed_int(3, i) for i in range(2000)], dtype=np.uint64)
    assert values.max() < 2**63
    shares = [(values >> np.uint64(bit) & np.uint64(1)).mean() for bit in range(63)]
    assert min(shares) > 0.44 and max(shares) < 0.56
