"""The study's tables, from its records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vatt_harmony.scale.study.compare import Mean, Paired, by_seed, holm, mean, paired
from vatt_harmony.scale.study.protocol import (
    CLIPS,
    CONTROLS,
    GROWTH_CLEAN,
    GROWTH_SHARE,
    LEVEL,
    PRIMARY,
)
from vatt_harmony.scale.study.records import Record

ENDPOINT = "text_to_video"


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
        for times in (0, 1, 2, 4)
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


def meanings(records: Sequence[Record], arm: str = "plain") -> dict[str, Mean]:
    """What a visit was -> its mean cosine in the second half of the run, over seeds, at 30 % faults."""
    rows: list[Mapping[str, float]] = [
        r["meanings"] for r in records if r["arm"] == arm and r["share"] == LEVEL and not r["clean"]
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: mean([row[name] for row in rows if name in row]) for name in names}


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
