"""What an aligner may do next: actions as data, with their effect on the stacks and when they are legal."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import torch
from torch import Tensor

from vatt_harmony.errors import UserError


@dataclass(frozen=True)
class Action:
    """One action: which streams' tops it matches with one another, and which tops it takes away."""

    name: str
    matches: tuple[bool, ...]
    """For each stream, whether its top enters the pair; none at all: nothing is matched."""
    pops: tuple[bool, ...]
    """For each stream, whether its top is taken away."""


PC = Action("PC", (False, False), (True, False))
"""Pop clip: the top clip belongs to no sentence."""
PS = Action("PS", (False, False), (False, True))
"""Pop sentence: no further clip belongs to the top sentence."""
M = Action("M", (True, True), (True, True))
"""Match the tops, done with both."""
MRS = Action("MRS", (True, True), (True, False))
"""Match, retain sentence: further clips of the sentence follow."""
MRC = Action("MRC", (True, True), (False, True))
"""Match, retain clip: further sentences of the clip follow."""


@dataclass(frozen=True)
class ActionSet:
    """The actions of one kind of alignment; an action is known by its place in `actions`.

    Source: Dogan et al., CVPR 2018 (actions); `left` counts the items left on each stack.
    """

    name: str
    actions: tuple[Action, ...]
    keeps_sentences: bool = False
    """Every sentence must be matched: a clip may be popped only while more clips than sentences are left."""

    @property
    def count(self) -> int:
        """Number of actions K."""
        return len(self.actions)

    @property
    def streams(self) -> int:
        """Number of streams S."""
        return len(self.actions[0].pops)

    @cached_property
    def matches(self) -> Tensor:
        """Which streams each action matches, bool `[K, S]`."""
        return torch.tensor([action.matches for action in self.actions])

    @cached_property
    def pops(self) -> Tensor:
        """How many items each action takes from each stack, int64 `[K, S]`, 0 or 1."""
        return torch.tensor([action.pops for action in self.actions]).long()

    def index(self, name: str) -> int:
        """Place of the action called `name`."""
        return [action.name for action in self.actions].index(name)

    def legal(self, left: Tensor) -> Tensor:
        """Which actions are possible, bool `[..., K]`, with `left` int64 `[..., S]` items on the stacks.

        An action needs an item on every stack that it matches or pops. Without items nothing is legal.
        """
        needs = (self.matches | self.pops.bool()).to(left.device)
        legal = ~(needs & (left <= 0).unsqueeze(-2)).any(-1)
        if self.keeps_sentences:
            more_clips = left[..., 0] > left[..., 1]
            loses_clip = torch.tensor([action == PC for action in self.actions], device=left.device)
            legal &= more_clips.unsqueeze(-1) | ~loses_clip
        return legal

    def advance(self, left: Tensor, action: Tensor) -> Tensor:
        """Items left `[..., S]` after the actions int64 `[...]`."""
        return left - self.pops.to(left.device)[action]


ONE_TO_ONE = ActionSet("one_to_one", (M, PC), keeps_sentences=True)
ONE_TO_MANY = ActionSet("one_to_many", (PC, PS, MRS))
FIVE = ActionSet("five", (PC, PS, M, MRS, MRC))

ACTION_SETS: Mapping[str, ActionSet] = {each.name: each for each in (ONE_TO_ONE, ONE_TO_MANY, FIVE)}


def streams_set(streams: int) -> ActionSet:
    """One-to-one alignment of S >= 2 streams: pop one top, or match and pop the tops of two or more streams.

    Our own: the form of the paper's supplement for more than two sequences is unknown to us.
    """
    if not 2 <= streams <= 5:
        raise UserError(
            f"{streams} streams are to be aligned", "There would be no action, or hundreds", "Give 2 to 5 streams"
        )
    places = range(streams)
    subsets = [subset for size in range(1, streams + 1) for subset in combinations(places, size)]
    return ActionSet(f"streams{streams}", tuple(_of_subset(subset, streams) for subset in subsets))


def action_set(name: str, streams: int = 2) -> ActionSet:
    """The set called `name`; "streams" is `streams_set(streams)`. Raises UserError for another number of streams."""
    if name == "streams":
        return streams_set(streams)
    found = ACTION_SETS[name]
    if streams != found.streams:
        raise UserError(
            f"The action set {name} aligns {found.streams} streams, not {streams}",
            "Some streams would never be read",
            "Set network.actions to streams",
        )
    return found


def _of_subset(subset: tuple[int, ...], streams: int) -> Action:
    taken = tuple(place in subset for place in range(streams))
    together = len(subset) > 1
    name = ("M" if together else "P") + "".join(str(place) for place in subset)
    return Action(name, taken if together else (False,) * streams, taken)
