"""Public annotations and captions as films that still need features, and the harder films made from them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from vatt_harmony.align.data.captions import read_captions
from vatt_harmony.align.data.hm import in_pieces, with_distractors, without_sentences
from vatt_harmony.align.data.tacos import description_pairs, read_descriptions
from vatt_harmony.align.data.tacos_groups import description_groups
from vatt_harmony.align.data.yms import Texts, read_yms, read_yms_split
from vatt_harmony.align.sequence import AlignmentSequence
from vatt_harmony.align.sources.films import SPLITS, Splits
from vatt_harmony.errors import UserError
from vatt_harmony.randomness import keyed_generator

Variant = Literal["hm0", "hm1", "hm2", "hm12"]
SHARES = (0.7, 0.1)
"""Of the videos of a caption file that go to train and to val; the others go to test."""


def yms(folder: Path, texts: Texts, media: Path | None) -> Splits:
    """YouTube Movie Summaries in the published split; `media` holds the films as NUMBER.SUFFIX."""
    films = read_yms(folder, texts)
    names = read_yms_split(folder, sorted(films))
    return {split: [_shown(films[name], media) for name in names[split]] for split in SPLITS}


def captions(table: Path, seed: int, media: Path | None) -> Splits:
    """Captioned videos in a random split; `media` holds them as VIDEO_ID.SUFFIX."""
    films = read_captions(table)
    order = keyed_generator(seed, "caption split").permutation(len(films))
    first, second = (round(sum(SHARES[:count]) * len(films)) for count in (1, 2))
    parts = order[:first], order[first:second], order[second:]
    return {split: [_shown(films[place], media) for place in part] for split, part in zip(SPLITS, parts, strict=True)}


def tacos(folder: Path, partners: int, streams: int = 2) -> Splits:
    """Pairs, or larger groups, of descriptions of one cooking video, from train.json, val.json and test.json."""
    videos = {split: read_descriptions(folder / f"{split}.json").values() for split in SPLITS}
    if streams == 2:
        return {
            split: [pair for each in told for pair in description_pairs(each, partners)]
            for split, told in videos.items()
        }
    return {
        split: [group for each in told for group in description_groups(each, streams, partners)]
        for split, told in videos.items()
    }


def harder(
    films: Sequence[AlignmentSequence],
    strangers: Sequence[AlignmentSequence],
    variant: Variant,
    pieces: int,
    seed: int,
) -> list[AlignmentSequence]:
    """The HM analogues of captioned films with features: clips in pieces, distractors (1), lost sentences (2).

    Distractors are clips of the `strangers`, a film itself among them passed over. Clips then follow one another a
    second each, so that there is no film to play. Raises UserError where there is no stranger.
    """
    if variant == "hm0" and pieces == 1:
        return list(films)
    made = []
    for film in films:
        generator = keyed_generator(seed, "hm", film.name)
        if pieces > 1:
            film = in_pieces(film, generator, pieces)
        if variant in ("hm1", "hm12"):
            film = with_distractors(film, [other.clips for other in others_than(film, strangers)], generator)
        if variant in ("hm2", "hm12"):
            film = without_sentences(film, generator)
        made.append(replace(film, media=None))
    return made


def others_than(film: AlignmentSequence, films: Sequence[AlignmentSequence]) -> list[AlignmentSequence]:
    """Those of `films` that are of another video; raises UserError where there is none."""
    others = [other for other in films if other.group != film.group]
    if not others:
        raise UserError(
            f"There is no film but {film.name}",
            "There are no clips of others that could belong to no sentence",
            "Give several videos",
        )
    return others


def _shown(film: AlignmentSequence, media: Path | None) -> AlignmentSequence:
    if media is None:
        return film
    files = sorted(media.glob(f"{film.name}.*"))
    if not files:
        raise UserError(
            f"{media} has no file named {film.name}",
            "Its clips could not be seen",
            "Fetch it, or give features with --features, or made ones with --noise",
        )
    return replace(film, media=str(files[0].resolve()))
