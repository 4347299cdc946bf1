"""What is left of a coefficient under Adam: the optimiser's own recursion, exact, after k changes once.

Multiplying all gradients by a constant changes nothing; only a change of k acts, for about 1 / (1 - beta2) steps.
"""

from collections.abc import Iterator

from vatt_harmony.scale.balance_checks.check import Check, each

AFTER = (1, 10, 50, 500, 4000)
LONG = 100_000
"""Steps at k = 1 after which the averages no longer know how they began."""
FACTORS = {
    (0.2, 0.999, 1000): (0.92, 0.48, 0.21, 0.28, 0.88),
    (0.2, 0.999, LONG): (0.92, 0.48, 0.21, 0.25, 0.83),
    (2.0, 0.999, 1000): (1.10, 1.61, 1.80, 1.26, 1.00),
    (10.0, 0.999, 1000): (1.77, 4.30, 3.43, 1.40, 1.01),
    (10.0, 0.999, LONG): (1.81, 4.87, 4.12, 1.58, 1.01),
    (10.0, 0.99, LONG): (1.35, 2.12, 1.57, 1.00, 1.00),
    (10.0, 0.95, LONG): (0.78, 1.08, 1.04, 1.00, 1.00),
}
"""(k, beta2, steps before) -> factor on the step, `AFTER` steps later."""
PEAKS = {(2.0, 0.999, 1000): 1.8, (10.0, 0.999, 1000): 4.5, (10.0, 0.999, LONG): 5.2}
PEAK_STEP = 15
"""Of k 10 after 1000 steps; the peak is flat, so the factor there is compared, not the place."""
NOISE_PEAK, NOISE_STEP = 6.8, 7


def step_factors(k: float, beta2: float, before: int, steps: int, beta1: float = 0.9) -> list[float]:
    """Adam's step over that at k = 1, for each of `steps` steps of gradient k after `before` of gradient 1."""
    mean, square = 1 - beta1**before, 1 - beta2**before
    factors = []
    for step in range(before + 1, before + steps + 1):
        mean = beta1 * mean + (1 - beta1) * k
        square = beta2 * square + (1 - beta2) * k**2
        factors.append(mean / (1 - beta1**step) / (square / (1 - beta2**step)) ** 0.5)
    return factors


def noise_factors(k: float, beta2: float, steps: int, beta1: float = 0.9) -> list[float]:
    """The same, long after the start, for independent gradients of mean zero: root mean square of the step."""
    return [
        ((beta1 ** (2 * step) + k**2 * (1 - beta1 ** (2 * step))) / (beta2**step + k**2 * (1 - beta2**step))) ** 0.5
        for step in range(1, steps + 1)
    ]


def checks() -> Iterator[Check]:
    """35 factors to .01, and the peaks to the digits given."""
    for (k, beta2, before), wanted in FACTORS.items():
        factors = step_factors(k, beta2, before, max(AFTER))
        found = [factors[steps - 1] for steps in AFTER]
        start = "long" if before == LONG else str(before)
        yield from (
            Check(
                group="Adam", name=f"k {k}, beta2 {beta2}, {start} before, {s} after", found=f, wanted=w, tolerance=0.01
            )
            for s, f, w in zip(AFTER, found, wanted, strict=True)
        )
        if (k, beta2, before) in PEAKS:
            yield from each("Adam", f"k {k}, {start} before, peak", [max(factors)], [PEAKS[k, beta2, before]], 1)
    there = step_factors(10.0, 0.999, 1000, PEAK_STEP)[-1]
    yield from each("Adam", f"k 10, 1000 before, {PEAK_STEP} after", [there], [PEAKS[10.0, 0.999, 1000]], 1)
    noise = noise_factors(10.0, 0.999, 100)
    yield from each("Adam", "k 10, noise, peak", [max(noise)], [NOISE_PEAK], 1)
    yield from each("Adam", "k 10, noise, step of the peak", [1 + noise.index(max(noise))], [NOISE_STEP], 0)
