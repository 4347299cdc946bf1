"""Data of the studies on text: TACoS descriptions in pairs, and films made of YouCook2 captions."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vatt_harmony.align.data.attach import encode_texts, with_features
from vatt_harmony.align.data.captions import film_of, read_captions
from vatt_harmony.align.data.hm import with_distractors, without_sentences
from vatt_harmony.align.data.joint import RidgeJoint, cross_fitted
from vatt_harmony.align.data.synthetic import Images
from vatt_harmony.align.data.tacos import description_pairs, read_descriptions
from vatt_harmony.align.data.tfidf import HashedTfidf
from vatt_harmony.align.sequence import AlignmentSequence, Stream
from vatt_harmony.align.train.fit import share_of
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.align_study.text_protocol import Name

Films = list[AlignmentSequence]
SPLITS = ("train", "validation", "test")
WIDTH = 100
"""Of all features."""
NOISE = 7.0
"""Length of the noise in a clip's feature relative to that of the image of its caption."""
TACOS_SEED, FILMS_SEED = 1, 2
"""Of everything that makes data; no run changes them."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Sequences with features."""

    train: Films
    validation: Films
    test: Films


@dataclass(frozen=True, kw_only=True)
class Data:
    """What the runs on one data set read."""

    split: Split
    """Of captions without joint features, which depend on the share that is trained on."""
    other: Films
    """MSR-VTT captions, ten a film, clip and caption one to one: what is pretrained on."""


def tacos(root: Path) -> Split:
    """Pairs of descriptions of one video: each of the training set with the two that follow it, else with the next."""
    files = {"train": "train.json", "validation": "val.json", "test": "test.json"}
    videos = {split: read_descriptions(root / "alignment" / "tacos" / file) for split, file in files.items()}
    train = [text for told in videos["train"].values() for description in told for text in description.texts]
    encode = HashedTfidf(train, WIDTH, TACOS_SEED)

    def pairs(split: str, partners: int) -> Films:
        every = [pair for told in videos[split].values() for pair in description_pairs(told, partners)]
        return [encode_texts(pair, encode) for pair in every]

    return Split(train=pairs("train", 2), validation=pairs("validation", 1), test=pairs("test", 1))


Harder = Callable[[AlignmentSequence, Sequence[Stream], int], AlignmentSequence]


def hm1(film: AlignmentSequence, strangers: Sequence[Stream], copy: int) -> AlignmentSequence:
    """Clips of other films inserted."""
    return with_distractors(film, strangers, keyed_generator(FILMS_SEED, "HM-1", film.name, copy))


def hm2(film: AlignmentSequence, strangers: Sequence[Stream], copy: int) -> AlignmentSequence:
    """Sentences deleted."""
    return without_sentences(film, keyed_generator(FILMS_SEED, "HM-2", film.name, copy))


def captioned(root: Path, harder: Harder, copies: int) -> Data:
    """60 % of the videos for training and 20 % each for validation and test.

    Every training film is there `copies` times, each with its own noise and its own changes.
    """
    films = read_captions(root / "captions" / "youcook2_val.csv")
    order = keyed_generator(FILMS_SEED, "split").permutation(len(films))
    bounds = [0, round(0.6 * len(films)), round(0.8 * len(films)), len(films)]
    parts = {split: [films[n] for n in order[bounds[i] : bounds[i + 1]]] for i, split in enumerate(SPLITS)}
    encode = HashedTfidf([text for film in parts["train"] for text in film.sentences.texts], WIDTH, FILMS_SEED)
    made = {split: _made(parts[split], encode, harder, copies if split == "train" else 1) for split in SPLITS}
    other = [_shown(encode_texts(film, encode), "other") for film in _other(root / "captions" / "msrvtt_test_1k.csv")]
    return Data(split=Split(**made), other=other)


def _made(films: Films, encode: HashedTfidf, harder: Harder, copies: int) -> Films:
    encoded = [encode_texts(film, encode) for film in films]
    made = []
    for copy in range(copies):
        # Inserted clips have noise of their own: the regression has never seen them, as it has not in a test.
        strangers = {film.group: _shown(film, f"stranger {copy}").clips for film in encoded}
        for film in encoded:
            others = [clips for group, clips in strangers.items() if group != film.group]
            made.append(harder(_shown(film, str(copy)), others, copy))
    return made


def _shown(film: AlignmentSequence, draw: str) -> AlignmentSequence:
    """The film with clips that show its captions; the noise depends on `draw`."""
    texts = film.sentences.features
    return with_features(film, (Images(width=WIDTH, noise=NOISE, seed=FILMS_SEED).of(texts, film.name, draw), texts))


def _other(path: Path) -> Films:
    """Captions of a table with the column `sentence`, ten a film."""
    with path.open(encoding="utf-8", newline="") as file:
        texts = [row["sentence"] for row in csv.DictReader(file)]
    return [film_of(f"other {at}", texts[at : at + 10]) for at in range(0, len(texts), 10)]


def with_joint(split: Split, share: float, seed: int) -> Split:
    """A share of the training films, drawn by the seed, and for all films the joint features fitted on it alone."""
    train = share_of(split.train, share, seed)
    joint = RidgeJoint(train)
    return Split(
        train=cross_fitted(train),
        validation=[joint(film) for film in split.validation],
        test=[joint(film) for film in split.test],
    )


def load(name: Name, root: Path) -> Data:
    """The data set `name` from the folder of real data."""
    if name == "TACoS":
        return Data(split=tacos(root), other=[])
    harder, copies = {"HM-1": (hm1, 10), "HM-2": (hm2, 10), "HM-2, small": (hm2, 3)}[name]
    return captioned(root, harder, copies)
