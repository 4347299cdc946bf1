"""A small corpus of real media files made from a seed, with faults of which it keeps the truth."""

import csv
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from vatt_harmony.media.demo_attributes import Attributes, all_looks, assign_looks, half_wrong
from vatt_harmony.media.demo_picture import draw_clip, spoil_picture
from vatt_harmony.media.demo_sentences import sentences
from vatt_harmony.media.demo_sound import play_clip, spoil_sound
from vatt_harmony.media.encode import encode_clip
from vatt_harmony.randomness import keyed_generator

FAULTS = ("caption swapped", "half wrong", "sound swapped", "hard")
FPS = 10.0
VERSION = 1
CAPTIONS = 5
# Clips whose caption or sound are exchanged differ in at least this many of the four visible attributes.
SWAP_DISTANCE = 3
COLUMNS = ("path", "captions", "split", "video_id", "label", "source")


@dataclass(frozen=True, kw_only=True)
class ClipPlan:
    """Everything that decides one clip's files."""

    name: str
    split: str
    truth: Attributes
    told: Attributes
    heard: Attributes
    fault: str = ""
    swapped_from: str = ""
    unseen: bool = False


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What all clips of a corpus share."""

    seed: int
    frames: int
    size: int
    sample_rate: int


@dataclass(frozen=True, kw_only=True)
class CorpusSummary:
    """Where a corpus lies and what is in it; `made` is False when it was there already."""

    root: Path
    manifest: Path
    truth: Path
    clips: dict[str, int]
    faults: dict[str, int]
    made: bool


def make_corpus(
    out: Path,
    seed: int,
    *,
    train: int = 1024,
    test: int = 256,
    unseen: int = 64,
    fault_fraction: float = 0.1,
    size: int = 64,
    seconds: float = 2.8,
    sample_rate: int = 16000,
    workers: int = 1,
) -> CorpusSummary:
    """Write `clips/*.mp4`, `manifest.csv` and `truth.jsonl` into `out`; a pure function of the arguments.

    Each of the four faults strikes `fault_fraction` of the training clips; test clips are clean, with distinct
    looks, `unseen` of them never trained on. A finished corpus of the same arguments is left as it is.
    Raises ValueError for counts that cannot be had.
    """
    if not 0 <= unseen <= test <= len(all_looks()) - 1 or not 0 <= fault_fraction <= 1 / len(FAULTS) or train < 1:
        raise ValueError(
            f"train {train}, test {test}, unseen {unseen}, fault_fraction {fault_fraction}: needs train >= 1, "
            f"0 <= unseen <= test < {len(all_looks())}, fault_fraction in [0, {1 / len(FAULTS)}]"
        )
    recipe = Recipe(seed=seed, frames=round(seconds * FPS), size=size, sample_rate=sample_rate)
    counts = {"train": train, "test": test, "unseen": unseen}
    identity = {"version": VERSION, **asdict(recipe), **counts, "fault_fraction": fault_fraction}
    plans = plan_corpus(seed, train, test, unseen, fault_fraction)
    mark = out / "corpus.json"
    made = not mark.is_file() or json.loads(mark.read_text()) != identity
    if made:
        mark.unlink(missing_ok=True)
        (out / "clips").mkdir(parents=True, exist_ok=True)
        for stale in (out / "clips").glob("t*_[0-9][0-9][0-9][0-9][0-9].mp4"):
            stale.unlink()
        _write_clips(out, recipe, plans, workers)
        _write_lists(out, recipe, plans)
        mark.write_text(json.dumps(identity))  # last: its presence says that the corpus is whole
    return CorpusSummary(
        root=out,
        manifest=out / "manifest.csv",
        truth=out / "truth.jsonl",
        clips={"train": train, "test": test},
        faults={fault: sum(plan.fault == fault for plan in plans) for fault in FAULTS},
        made=made,
    )


def plan_corpus(seed: int, train: int, test: int, unseen: int, fault_fraction: float) -> list[ClipPlan]:
    """Decide attributes and faults of every clip, training clips first."""
    generator = keyed_generator(seed, "demo corpus", "plan")
    trained, tested = assign_looks(train, test, unseen, generator)
    names = [f"train_{index:05d}" for index in range(train)]
    struck = generator.permutation(train)[: len(FAULTS) * round(train * fault_fraction)]
    fault_of = {int(index): FAULTS[place % len(FAULTS)] for place, index in enumerate(struck)}
    plans = []
    for index, truth in enumerate(trained):
        fault, told, heard, source = fault_of.get(index, ""), truth, truth, ""
        if fault in ("caption swapped", "sound swapped"):
            other = _partner(index, trained, generator)
            source = names[other]
            told, heard = (trained[other], truth) if fault == "caption swapped" else (truth, trained[other])
        elif fault == "half wrong":
            told = half_wrong(truth, generator)
        plans.append(
            ClipPlan(
                name=names[index],
                split="train",
                truth=truth,
                told=told,
                heard=heard,
                fault=fault,
                swapped_from=source,
            )
        )
    for index, truth in enumerate(tested):
        name = f"test_{index:05d}"
        plans.append(ClipPlan(name=name, split="test", truth=truth, told=truth, heard=truth, unseen=index < unseen))
    return plans


def captions_for(recipe: Recipe, plan: ClipPlan) -> list[str]:
    """The sentences of a clip; a swapped caption is word for word the other clip's."""
    speaker = plan.swapped_from if plan.fault == "caption swapped" else plan.name
    return sentences(plan.told, CAPTIONS, keyed_generator(recipe.seed, speaker, "caption"))


def write_clip(path: Path, recipe: Recipe, plan: ClipPlan) -> None:
    """Draw, play and encode one clip."""
    video = draw_clip(plan.truth, recipe.frames, recipe.size, keyed_generator(recipe.seed, plan.name, "picture"))
    player = plan.swapped_from if plan.fault == "sound swapped" else plan.name
    samples = round(recipe.frames / FPS * recipe.sample_rate)
    audio = play_clip(plan.heard, samples, recipe.sample_rate, keyed_generator(recipe.seed, player, "sound"))
    if plan.fault == "hard":
        spoiler = keyed_generator(recipe.seed, plan.name, "hard")
        video, audio = spoil_picture(video, spoiler), spoil_sound(audio, spoiler)
    rate = recipe.sample_rate
    encode_clip(path, video=video, fps=FPS, audio=audio, sample_rate=rate, gop=recipe.frames, bit_rate=2 * rate)


def _partner(index: int, trained: Sequence[Attributes], generator: np.random.Generator) -> int:
    """Another clip that looks clearly different; the farthest of all when none is far enough."""
    order = [int(other) for other in generator.permutation(len(trained)) if other != index]
    far = (other for other in order if trained[index].differing_looks(trained[other]) >= SWAP_DISTANCE)
    return next(far, max(order, key=lambda other: trained[index].differing_looks(trained[other]), default=index))


def _write_clips(out: Path, recipe: Recipe, plans: Sequence[ClipPlan], workers: int) -> None:
    if workers <= 1:
        for plan in plans:
            write_clip(out / "clips" / f"{plan.name}.mp4", recipe, plan)
        return
    # A fresh process for each worker: libav's threads do not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(_write_share, [(out, recipe, plans[worker::workers]) for worker in range(workers)]))


def _write_share(share: tuple[Path, Recipe, Sequence[ClipPlan]]) -> None:
    out, recipe, plans = share
    _write_clips(out, recipe, plans, workers=1)


def _write_lists(out: Path, recipe: Recipe, plans: Sequence[ClipPlan]) -> None:
    with (out / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for plan in plans:
            captions = json.dumps(captions_for(recipe, plan))
            writer.writerow([f"clips/{plan.name}.mp4", captions, plan.split, plan.name, plan.truth.form, "demo"])
    with (out / "truth.jsonl").open("w") as file:
        for plan in plans:
            facts = {"video_id": plan.name, "split": plan.split, "unseen": plan.unseen, "fault": plan.fault}
            more = {"swapped_from": plan.swapped_from, **plan.truth.as_dict(), "told": plan.told.as_dict()}
            file.write(json.dumps({**facts, **more}) + "\n")
