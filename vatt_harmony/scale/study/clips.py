"""Clips of the study: drawn from a seed with the demo's generator, and struck by its four recorded faults."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.media.demo_attributes import VALUES, assign_looks, half_wrong
from vatt_harmony.media.demo_picture import draw_clip, spoil_picture
from vatt_harmony.media.demo_sentences import FULL, PARTIAL, WORDS, sentences
from vatt_harmony.media.demo_sound import play_clip, spoil_sound
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.stream.tokenizer import train_tokenizer

WRONG = ("caption swapped", "half wrong", "sound swapped")
"""Faults by which a clip contradicts itself; the fourth, "hard", spoils picture and sound, but all is right."""
MIX = ("caption swapped", "half wrong", "caption swapped", "sound swapped", "caption swapped", "hard")
"""Faults of struck clips, in turn: text is what is wrong most often, as in narrated video."""
SWAP_DISTANCE = 3
"""A partner in an exchange differs in at least this many of the four visible attributes."""


@dataclass(frozen=True, kw_only=True)
class CorpusShape:
    """Counts and sizes of a corpus."""

    train: int
    test: int
    unseen: int
    """Test clips whose look never occurs in training."""
    frames: int = 8
    size: int = 24
    """Pixels of a picture's side."""
    rate: int = 8000
    """Hz of the sound."""
    seconds: float = 2.4
    captions: int = 5
    words: int = 16

    @property
    def samples(self) -> int:
        """Samples of a clip's sound."""
        return round(self.rate * self.seconds)


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One clip: video uint8 `[T, H, W, 3]`, audio `[S]`, text as token ids `[captions, words]`."""

    video: NDArray[np.uint8]
    audio: NDArray[np.float32]
    text: NDArray[np.int64]


class Corpus:
    """Training and test clips of one seed, each drawn when it is asked for: a pure function of seed and shape."""

    def __init__(self, seed: int, shape: CorpusShape) -> None:
        self.seed, self.shape = seed, shape
        looks = keyed_generator(seed, "study", "looks")
        trained, tested = assign_looks(shape.train, shape.test, shape.unseen, looks)
        self.attributes = {"train": trained, "test": tested}
        self._struck = keyed_generator(seed, "study", "faults").permutation(shape.train)
        self._tokenizer = _tokenizer(shape.words)
        self.vocabulary = self._tokenizer.vocabulary
        """Rows of the word table."""
        self.sound_token = int(self._tokenizer.encode(["tone"])[0, 0])
        """The id that a sentence holds exactly when it tells the sound."""

    def truth(self, split: str) -> NDArray[np.int64]:
        """What is shown and heard, as the numbers of colour, form, motion, size and sound `[N, 5]`."""
        rows = [[VALUES[name].index(value) for name, value in a.as_dict().items()] for a in self.attributes[split]]
        return np.array(rows)

    def faults(self, share: float, clean: int = 0, train: int | None = None) -> NDArray[np.str_]:
        """Recorded fault of each training clip `[N]`, "" for none: of those after the first `clean` a share.

        `train`: only the first so many clips. Rising shares are nested: what is struck stays struck, in the same way.
        """
        count = self.shape.train if train is None else train
        within = self._struck[(self._struck >= clean) & (self._struck < count)]
        faults = np.full(count, "", dtype="<U16")
        for place, index in enumerate(within[: round(share * (count - clean))]):
            faults[index] = MIX[place % len(MIX)]
        return faults

    def clip(self, split: str, index: int, fault: str = "") -> Clip:
        """One clip, struck by a fault ("" = clean)."""
        generator = keyed_generator(self.seed, "study", "fault", index)
        told = heard = index
        if fault in ("caption swapped", "sound swapped"):
            partner = self._partner(index, generator)
            told, heard = (partner, index) if fault == "caption swapped" else (index, partner)
        text = self._captions(split, told)
        if fault == "half wrong":
            wrong = half_wrong(self.attributes[split][index], generator)
            text = self._tokenizer.encode(sentences(wrong, self.shape.captions, generator))
        video, audio = self._picture(split, index), self._sound(split, heard)
        if fault == "hard":
            video, audio = spoil_picture(video, generator), spoil_sound(audio, generator)
        return Clip(video=video, audio=audio, text=text)

    def _picture(self, split: str, index: int) -> NDArray[np.uint8]:
        keyed = keyed_generator(self.seed, "study", split, index, "picture")
        return draw_clip(self.attributes[split][index], self.shape.frames, self.shape.size, keyed)

    def _sound(self, split: str, index: int) -> NDArray[np.float32]:
        keyed = keyed_generator(self.seed, "study", split, index, "sound")
        return play_clip(self.attributes[split][index], self.shape.samples, self.shape.rate, keyed)

    def _captions(self, split: str, index: int) -> NDArray[np.int64]:
        keyed = keyed_generator(self.seed, "study", split, index, "caption")
        told = sentences(self.attributes[split][index], self.shape.captions, keyed)
        ids: NDArray[np.int64] = self._tokenizer.encode(told)
        return ids

    def _partner(self, index: int, generator: np.random.Generator) -> int:
        """Another training clip that looks clearly different; the farthest of a hundred when none is far enough."""
        trained = self.attributes["train"]
        others = [int(other) for other in generator.integers(0, len(trained), 100)]
        distances = [trained[index].differing_looks(trained[other]) for other in others]
        far = (other for other, distance in zip(others, distances, strict=True) if distance >= SWAP_DISTANCE)
        return next(far, others[int(np.argmax(distances))])


def _tokenizer(words: int) -> Any:
    """Knows every word of the generator, and the same ids whatever the seed."""
    spoken = [phrase for values in WORDS.values() for phrases in values.values() for phrase in phrases]
    return train_tokenizer([*spoken, *_bare(FULL), *_bare(PARTIAL)], 512, words)


def _bare(templates: Sequence[str]) -> list[str]:
    """Templates without their places for attributes."""
    return [template.format_map(dict.fromkeys(VALUES, "")) for template in templates]
