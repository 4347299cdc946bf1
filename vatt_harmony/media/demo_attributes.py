"""What a demo clip shows: the attributes, their combinations, and which clips see which."""

from dataclasses import dataclass, fields

import numpy as np

COLOURS = ("red", "green", "blue", "yellow", "purple", "white")
FORMS = ("circle", "square", "triangle", "cross", "ring", "star")
MOTIONS = ("right", "left", "up", "down", "grow", "shrink")
"""Three pairs; inside a pair only the order of the frames differs."""
SIZES = ("small", "large")
SOUNDS = ("steady", "pulsing")
"""The one attribute that is heard and told but not seen."""

VALUES: dict[str, tuple[str, ...]] = {
    "colour": COLOURS,
    "form": FORMS,
    "motion": MOTIONS,
    "size": SIZES,
    "sound": SOUNDS,
}
VISUAL = ("colour", "form", "motion", "size")


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """One value of every attribute."""

    colour: str
    form: str
    motion: str
    size: str
    sound: str

    def look(self) -> tuple[str, ...]:
        """The visible attributes, by which pictures can be told apart."""
        return tuple(str(getattr(self, name)) for name in VISUAL)

    def differing_looks(self, other: "Attributes") -> int:
        """How many visible attributes differ."""
        return sum(mine != theirs for mine, theirs in zip(self.look(), other.look(), strict=True))

    def as_dict(self) -> dict[str, str]:
        """Name of the attribute to its value."""
        return {field.name: str(getattr(self, field.name)) for field in fields(self)}


def all_looks() -> list[tuple[str, str, str, str]]:
    """Every combination of the visible attributes, in a fixed order."""
    return [
        (colour, form, motion, size) for colour in COLOURS for form in FORMS for motion in MOTIONS for size in SIZES
    ]


def with_sound(look: tuple[str, ...], generator: np.random.Generator) -> Attributes:
    """A look with a sound drawn at random."""
    colour, form, motion, size = look
    return Attributes(colour=colour, form=form, motion=motion, size=size, sound=str(generator.choice(SOUNDS)))


def assign_looks(
    train: int, test: int, unseen: int, generator: np.random.Generator
) -> tuple[list[Attributes], list[Attributes]]:
    """Attributes of the training and of the test clips.

    Test looks are all distinct; the first `unseen` of them never occur in training, the others do
    (as long as training has a clip for each look).
    """
    looks = [all_looks()[index] for index in generator.permutation(len(all_looks()))]
    seen = looks[unseen:]
    rounds = [seen[index] for _ in range(train // len(seen) + 1) for index in generator.permutation(len(seen))]
    tested = looks[:test]
    return [with_sound(look, generator) for look in rounds[:train]], [with_sound(look, generator) for look in tested]


def half_wrong(truth: Attributes, generator: np.random.Generator) -> Attributes:
    """The attributes with three of five replaced by other values, at least two of them visible ones."""
    visible = generator.choice(VISUAL, size=2, replace=False).tolist()
    rest = [name for name in VALUES if name not in visible]
    replaced = [*visible, str(generator.choice(rest))]
    values = truth.as_dict()
    for name in replaced:
        values[name] = str(generator.choice([value for value in VALUES[name] if value != values[name]]))
    return Attributes(**values)
