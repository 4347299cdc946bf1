import numpy as np

from vatt_harmony.conflicts.history import QUANTILES, Visit, count_visits


def test_quantiles_are_those_of_the_visits():
    generator = np.random.default_rng(0)
    step, row = generator.integers(1, 101, 40_000), generator.integers(0, 9, 40_000)
    cosine = np.clip(generator.normal(0.002 * step - 0.1, 0.2), -1, 1)
    parts = [Visit(step[i::3], row[i::3], cosine[i::3]) for i in range(3)]
    wanted = np.arange(9) < 4
    history = count_visits(parts, wanted, 100)
    assert history.counts.sum() == wanted[row].sum()
    for number in (0, 20, 47):
        inside = (step > history.edges[number]) & (step <= history.edges[number + 1]) & wanted[row]
        np.testing.assert_allclose(history.quantiles()[number], np.quantile(cosine[inside], QUANTILES), atol=0.02)


def test_a_step_belongs_to_the_bin_that_it_ends():
    history = count_visits([Visit(np.array([1, 3]), np.array([0, 0]), np.array([1.0, -1.0]))], np.array([True]), 3)
    assert history.edges.tolist() == [0, 1, 2, 3]
    first, empty, last = history.quantiles()
    assert (first > 0.99).all() and np.isnan(empty).all() and (last < -0.99).all()
