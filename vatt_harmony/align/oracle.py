"""The actions that lead to a known alignment, from the start of the sequences to their end."""

from collections import deque
from collections.abc import Sequence
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.actions import ActionSet
from vatt_harmony.align.config import Order
from vatt_harmony.align.sequence import NULL
from vatt_harmony.errors import UserError

Row = tuple[int, ...]
"""One pair: the item of each stream, or NULL."""


def actions_of(
    pairs: NDArray[np.int64],
    lengths: Sequence[int],
    actions: ActionSet,
    order: Order = "lazy",
    generator: np.random.Generator | None = None,
) -> NDArray[np.int64]:
    """The actions, int64 `[T]`, that make the pairs `[P, S]` of streams with `lengths` S items.

    Whenever the tops belong together they are matched, and stay while a later pair needs them. Otherwise a top that
    belongs to nothing is popped: of the first stream that has one ("lazy": sentences stay as long as possible), of the
    last one ("eager"), or drawn by `generator` so that all orders are equally likely ("random").
    Raises UserError for pairs out of range, pairs that cross, and pairs that this action set cannot make.
    """
    pops = {action.pops: place for place, action in enumerate(actions.actions) if not any(action.matches)}
    queues = _queues(pairs, lengths)
    tops = [0] * len(lengths)
    taken: list[int] = []
    while tops != list(lengths):
        row = _ready(queues, tops)
        if row is not None:
            taken.append(_match(row, queues, actions))
            for stream in _members(row):
                queues[stream].popleft()
        else:
            stream = _choose(_superfluous(queues, tops, lengths), order, generator)
            only = tuple(other == stream for other in range(len(lengths)))
            if only not in pops:
                raise UserError(
                    f"Item {tops[stream]} of stream {stream} belongs to no pair",
                    f"No actions of {actions.name} leave it out",
                    "Set network.actions to one_to_many or five, or give it a partner",
                )
            taken.append(pops[only])
        tops = [top + popped for top, popped in zip(tops, actions.actions[taken[-1]].pops, strict=True)]
    return np.array(taken, dtype=np.int64)


def _queues(pairs: NDArray[np.int64], lengths: Sequence[int]) -> list[deque[Row]]:
    """For each stream the pairs it takes part in, in the order of its items."""
    if (pairs < NULL).any() or (pairs >= np.asarray(lengths)).any():
        raise UserError(
            f"A pair names an item that is not there: the streams have {', '.join(map(str, lengths))} items",
            "It could not be matched",
            "Pairs hold places from 0, and -1 for a stream that takes no part",
        )
    rows: list[Row] = [tuple(row) for row in np.unique(pairs, axis=0).tolist()]
    return [
        deque(sorted((row for row in rows if row[stream] != NULL), key=itemgetter(stream)))
        for stream in range(len(lengths))
    ]


def _ready(queues: Sequence[deque[Row]], tops: Sequence[int]) -> Row | None:
    """The pair whose members are all on top, if there is one."""
    for queue in queues:
        if queue and all(queue[0][stream] == tops[stream] for stream in _members(queue[0])):
            return queue[0]
    return None


def _superfluous(queues: Sequence[deque[Row]], tops: Sequence[int], lengths: Sequence[int]) -> list[int]:
    """How many items of each stream, from the top down, belong to nothing any more."""
    wanted = [queue[0][stream] if queue else lengths[stream] for stream, queue in enumerate(queues)]
    counts = [item - top for item, top in zip(wanted, tops, strict=True)]
    if any(count < 0 for count in counts) or not any(counts):
        waiting = ", ".join(str(queue[0]) for queue in queues if queue)
        raise UserError(
            f"Pairs cross: of {waiting} none can come first",
            "No sequence of actions aligns them",
            "Keep only pairs in the same order in every stream",
        )
    return counts


def _choose(counts: Sequence[int], order: Order, generator: np.random.Generator | None) -> int:
    """The stream whose top is popped."""
    if order == "random":
        assert generator is not None, "a random order needs a generator"
        return int(generator.choice(len(counts), p=np.asarray(counts) / sum(counts)))
    streams = [stream for stream, count in enumerate(counts) if count]
    return streams[0] if order == "lazy" else streams[-1]


def _match(row: Row, queues: Sequence[deque[Row]], actions: ActionSet) -> int:
    """The action that matches the members of a pair and takes away those that no later pair needs."""
    needed = [len(queue) > 1 and queue[1][stream] == row[stream] for stream, queue in enumerate(queues)]
    members = tuple(item != NULL for item in row)
    fitting = [
        (sum(action.pops), -place)
        for place, action in enumerate(actions.actions)
        if action.matches == members and not any(n and p for n, p in zip(needed, action.pops, strict=True))
    ]
    if not fitting:
        raise UserError(
            f"The pair {row} shares items with others, or joins other streams than {actions.name} does",
            "No action makes it",
            "Set network.actions to five for clips with several sentences, or leave one pair for each item",
        )
    return -max(fitting)[1]


def _members(row: Row) -> list[int]:
    return [stream for stream, item in enumerate(row) if item != NULL]
