"""Varied sentences about a demo clip, each at most 15 words, so that a window of 16 tokens holds them."""

import numpy as np

from vatt_harmony.media.demo_attributes import Attributes

WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "colour": {
        "red": ("red", "crimson", "scarlet"),
        "green": ("green", "jade"),
        "blue": ("blue", "cobalt"),
        "yellow": ("yellow", "golden"),
        "purple": ("purple", "violet"),
        "white": ("white", "snowy"),
    },
    "form": {
        "circle": ("circle", "disc", "ball"),
        "square": ("square", "box"),
        "triangle": ("triangle", "wedge"),
        "cross": ("cross", "plus"),
        "ring": ("ring", "hoop"),
        "star": ("star", "starburst"),
    },
    "size": {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")},
    "motion": {
        "right": ("moves to the right", "slides from left to right", "drifts rightward"),
        "left": ("moves to the left", "slides from right to left", "drifts leftward"),
        "up": ("moves up", "rises from bottom to top", "climbs upward"),
        "down": ("moves down", "falls from top to bottom", "sinks downward"),
        "grow": ("grows", "gets bigger and bigger", "swells"),
        "shrink": ("shrinks", "gets smaller and smaller", "dwindles"),
    },
    "sound": {
        "steady": ("a steady tone", "a smooth tone"),
        "pulsing": ("a pulsing tone", "a beeping tone"),
    },
}

FULL = (
    "a {size} {colour} {form} {motion} with {sound}",
    "the {size} {colour} {form} {motion} to {sound}",
    "{sound} while a {size} {colour} {form} {motion}",
    "a {form}, {size} and {colour}, {motion} with {sound}",
    "with {sound} a {colour} {form} of {size} size {motion}",
    "hear {sound} as the {size} {colour} {form} {motion}",
)
PARTIAL = (
    "a {size} {colour} {form} {motion}",
    "this {colour} {form} {motion}",
    "a {colour} {form} {motion} with {sound}",
    "something {colour} {motion}",
    "the {size} {form} {motion}",
    "a {size} {colour} {form} with {sound}",
)
PARTIAL_SHARE = 0.4


def sentence(attributes: Attributes, template: str, generator: np.random.Generator) -> str:
    """Fill a template with words drawn for the attributes."""
    values = attributes.as_dict()
    return template.format_map({name: str(generator.choice(WORDS[name][value])) for name, value in values.items()})


def sentences(attributes: Attributes, count: int, generator: np.random.Generator) -> list[str]:
    """`count` sentences: the first names every attribute, of the others some name only a part."""
    written = [sentence(attributes, str(generator.choice(FULL)), generator)]
    while len(written) < count:
        templates = PARTIAL if generator.random() < PARTIAL_SHARE else FULL
        written.append(sentence(attributes, str(generator.choice(templates)), generator))
    return written
