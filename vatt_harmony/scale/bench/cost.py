"""Row 02.1: what harmonization with a curriculum costs over plain training: work, operators, CPU time."""

from dataclasses import replace

from vatt_harmony.figures import Figure
from vatt_harmony.scale.bench.overhead import CONFIG, STEPS, count, cpu_seconds, flagged, median_ratio
from vatt_harmony.scale.bench.suite import Options, Row, measures
from vatt_harmony.scale.tiny import random_batch

PAIRS = 30
"""Fewest interleaved pairs from which the interval is taken."""
COMPARED = {name: STEPS[name] for name in ("plain", "harmonized")}

MEASURES = measures(
    "02.1",
    ("harmonized / plain, FLOPs", "<= 1.0005", ""),
    ("harmonized / plain, operators that are no views", "<= 1.03", ""),
    ("harmonized / plain, CPU time of a step, median of pairs", "<= 1.02", ""),
    ("upper end of its 95 % interval", "<= 1.05", ""),
)


def run(options: Options) -> list[Figure]:
    """Counts on meta tensors, then times of at least 30 interleaved pairs."""
    batch = random_batch(options.batch, CONFIG, candidates=5, missing=False)
    work = count(CONFIG, batch, COMPARED)
    pairs = max(PAIRS, options.pairs)
    seconds = cpu_seconds(CONFIG, batch, pairs, COMPARED)
    ratio, low, high = median_ratio(seconds["harmonized"], seconds["plain"])
    flops, operators, time, bound = flagged(MEASURES, options.batch)
    return [
        replace(flops, value=work["harmonized"].flops / work["plain"].flops),
        replace(operators, value=work["harmonized"].operators / work["plain"].operators),
        replace(time, value=ratio, low=low, high=high, n=pairs),
        replace(bound, value=high, n=pairs),
    ]


ROW = Row(
    id="02.1",
    title="harmonized against plain, d 384, 6 layers, tokens 785/601/5 x 17, quantile curriculum",
    takes="80 seconds a pair at batch 16, at least 30 of them",
    measures=MEASURES,
    run=run,
)
