"""The study's tables, from its records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vatt_harmony.scale.study.compare import Mean, Paired, by_seed, holm, mean, paired
from vatt_harmony.scale.study.detect import Detection
from vatt_harmony.scale.study.protocol import (
    CLIPS,
    CONTROLS,
    GROWTH_ARMS,
    GROWTH_CLEAN,
    GROWTH_SHARE,
    GROWTH_TIMES,
    LEVEL,
    LEVELS,
    PRIMARY,
)
from vatt_harmony.scale.study.records import Record

ENDPOINT = "text_to_video"
COMPARED = (
    (PRIMARY, "plain"),
    (PRIMARY, "harmonized, permuted"),
    (PRIMARY, "ledger"),
    (PRIMARY, "ledger by loss"),
    (PRIMARY, "realign + ledger by loss"),
    ("ledger", "plain"),
    ("ledger", "ledger, permuted"),
    ("ledger", "ledger by loss"),
    ("ledger by loss", "plain"),
    ("ledger by conflict", "plain"),
    ("ledger by conflict", "ledger, permuted"),
    ("realign", "plain"),
    ("realign", "realign, permuted"),
    ("curriculum", "plain"),
    ("curriculum", "drop at random"),
    ("curriculum", "drop by loss"),
    ("drop by loss", "drop at random"),
    ("oracle", PRIMARY),
    ("oracle", "ledger by loss"),
    ("realign, video", "realign"),
    ("realign, representation", "realign"),
    ("realign, SGD", "plain, SGD"),
)
"""Arms that are worth a comparison, first minus second."""


@dataclass(frozen=True, kw_only=True)
class Primary:
    """The primary arm against its controls."""

    against: dict[str, Paired]
    adjusted: dict[str, float]
    """Control -> p of the sign flips after Holm."""


def primary(records: Sequence[Record]) -> Primary:
    """Text-to-video R@1 at 30 % faults, paired by seed."""
    arms = {arm: at(records, arm, LEVEL) for arm in (PRIMARY, *CONTROLS)}
    against = {control: paired(arms[PRIMARY], arms[control]) for control in CONTROLS}
    return Primary(against=against, adjusted=holm({control: result.p_flip for control, result in against.items()}))


def at(records: Sequence[Record], arm: str, share: float, measure: str = ENDPOINT) -> dict[int, float]:
    """Seed -> measure of an arm at a level of faults."""
    return by_seed(records, measure, arm=arm, share=share, clean=0, train=CLIPS)


def growth(records: Sequence[Record], arm: str) -> dict[int, Mean]:
    """Times of the noisy source -> endpoint."""
    found = {
        times: by_seed(
            records, ENDPOINT, arm=arm, share=GROWTH_SHARE, clean=GROWTH_CLEAN, train=GROWTH_CLEAN * (1 + times)
        )
        for times in GROWTH_TIMES
    }
    return {times: mean(list(seeds.values())) for times, seeds in found.items() if seeds}


def level_table(records: Sequence[Record], share: float) -> str:
    """Markdown: every arm at one level, with its difference from plain."""
    plain = at(records, "plain", share)
    arms = dict.fromkeys(r["arm"] for r in records if r["share"] == share and not r["clean"] and r["train"] == CLIPS)
    head = ["arm", "text to video R@1", "minus plain", "p", "video to text", "video to audio", "probe", "wrong drawn"]
    lines = [_line(head), _line(["---"] * len(head))]
    order = sorted(arms, key=lambda arm: -mean(list(at(records, arm, share).values())).value)
    for arm in order:
        scores = at(records, arm, share)
        shared = plain.keys() & scores.keys()
        difference = paired(scores, plain) if arm != "plain" and len(shared) > 1 else None
        others = [
            mean(list(at(records, arm, share, name).values())) for name in ("video_to_text", "video_to_audio", "probe")
        ]
        drawn = mean(list(at(records, arm, share, "wrong_drawn").values())).value
        told = ["", ""] if difference is None else [str(difference.difference), f"{difference.p_flip:.3f}"]
        name = f"**{arm}**" if arm == PRIMARY else arm
        lines.append(_line([name, str(mean(list(scores.values()))), *told, *map(str, others), f"{drawn:.3f}"]))
    return "\n".join(lines)


def comparisons(records: Sequence[Record]) -> str:
    """Markdown: arms against one another, paired by seed; without correction."""
    head = ["arm", "against", "faults", "difference in text-to-video R@1", "95 %", "p", "seeds"]
    lines = [_line(head), _line(["---"] * len(head))]
    for share in (LEVEL, *sorted(LEVELS)):
        for first, second in COMPARED:
            ours, theirs = at(records, first, share), at(records, second, share)
            if len(ours.keys() & theirs.keys()) < 2:
                continue
            found = paired(ours, theirs)
            interval = f"{found.low:+.3f} … {found.high:+.3f}"
            difference = f"{found.difference.value:+.3f} ± {found.difference.error:.3f}"
            cells = [first, second, f"{100 * share:.0f} %", difference, interval, f"{found.p_flip:.3f}"]
            lines.append(_line([*cells, str(found.difference.n)]))
    return "\n".join(lines)


def growth_table(records: Sequence[Record]) -> str:
    """Markdown: a clean source and rising amounts of a noisy one."""
    head = ["256 clean clips and", *(f"{times} x 256 noisy" for times in GROWTH_TIMES)]
    rows = [[arm, *(str(grown) for grown in growth(records, arm).values())] for arm in GROWTH_ARMS]
    return "\n".join([_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)])


def meanings_table(records: Sequence[Record]) -> str:
    """Markdown: mean cosine and share of negative ones, by what the visit was; second half of the plain runs."""
    means = meanings(records)
    lines = [_line(["visits of", "mean cosine", "below 0"]), _line(["---"] * 3)]
    for name in (name for name in means if not name.endswith("/negative")):
        lines.append(_line([name, str(means[name]), str(means[f"{name}/negative"])]))
    return "\n".join(lines)


def areas_table(detections: Mapping[str, Detection]) -> str:
    """Markdown: area under ROC of each score, wrong against the named others, and by kind of wrong."""
    lines = []
    for others, found in detections.items():
        kinds = list(next(iter(found.by_fault.values())))
        head = [f"wrong against {others}, by", "area under ROC", *kinds]
        lines += ["", _line(head), _line(["---"] * len(head))]
        for name, area in found.areas.items():
            told = f"{area.value:.3f} ({area.low:.3f} … {area.high:.3f})"
            lines.append(_line([name, told, *(f"{found.by_fault[name][kind]:.3f}" for kind in kinds)]))
        gain = f"{found.gain.value:+.3f} ({found.gain.low:+.3f} … {found.gain.high:+.3f})"
        lines.append(_line(["all together minus losses together", gain, *[""] * len(kinds)]))
    return "\n".join(lines[1:])


def meanings(records: Sequence[Record], arm: str = "plain") -> dict[str, Mean]:
    """What a visit was -> its mean cosine in the second half of the run, over seeds, at 30 % faults."""
    rows: list[Mapping[str, float]] = [
        r["meanings"] for r in records if r["arm"] == arm and r["share"] == LEVEL and not r["clean"]
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: mean([row[name] for row in rows if name in row]) for name in names}


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
