"""Cheapest paths through tables of clips and sentences, all cells of an anti-diagonal at once.

A node (i, j) of the lattice stands for i clips and j sentences that are done; a path leads from (0, 0) to (N, M) and is
in one of a few states at every node. A recurrence is its list of edges; two cells with equal i + j never depend on one
another, so N + M steps on arrays do for N x M cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.sequence import Floats

BOTH = (1, 1)
CLIP = (1, 0)
SENTENCE = (0, 1)
"""Moves: how many clips and sentences they get done."""
MOVES = (BOTH, CLIP, SENTENCE)


@dataclass(frozen=True)
class Edge:
    """From one state to another by a move, at the cost of the node that is entered."""

    source: int
    target: int
    move: tuple[int, int]
    cost: Floats
    """`[N + 1, M + 1]`, inf where the edge does not exist; tables that edges share are the same object."""


def edges(sources: Sequence[int], target: int, move: tuple[int, int], cost: Floats) -> list[Edge]:
    """The same edge from several states."""
    return [Edge(source, target, move, cost) for source in sources]


def of_cells(cost: Floats) -> Floats:
    """Costs of cells `[N, M]` at the nodes that finish them `[N + 1, M + 1]`; inf on the border, which has no cell."""
    return np.pad(cost, ((1, 0), (1, 0)), constant_values=np.inf)


def of_clips(cost: Floats, sentences: int) -> Floats:
    """Costs of clips `[N]` wherever they are done, `[N + 1, M + 1]`."""
    return np.pad(np.repeat(cost[:, None], sentences + 1, axis=1), ((1, 0), (0, 0)), constant_values=np.inf)


def of_sentences(cost: Floats, clips: int) -> Floats:
    """Costs of sentences `[M]` wherever they are done, `[N + 1, M + 1]`."""
    return of_clips(cost, clips).T


def skewed(table: Floats) -> Floats:
    """Anti-diagonals of `[A, B]` as rows `[A + B - 1, A]`: (i, j) goes to row i + j, column i; inf beside the table."""
    rows, columns = np.indices(table.shape)
    out = np.full((sum(table.shape) - 1, table.shape[0]), np.inf)
    out[rows + columns, rows] = table
    return out


def before(older: Floats, newer: Floats) -> Floats:
    """Values at the nodes from which each of `MOVES` leads to the next anti-diagonal `[3, ..., N + 1]`.

    `older` and `newer` `[..., N + 1]` are the two anti-diagonals before it.
    """
    values = np.full((len(MOVES), *newer.shape), np.inf)
    values[0, ..., 1:], values[1, ..., 1:], values[2] = older[..., :-1], newer[..., :-1], newer
    return values


def cheapest_path(
    recurrence: Sequence[Edge], states: int, starts: Sequence[int], ends: Sequence[int]
) -> tuple[NDArray[np.int64], float]:
    """Nodes `[P, 3]` (clips done, sentences done, state) after the start, in order, and their cost.

    An edge must lead to every state. `starts` are the states that (0, 0) may have, `ends` those of (N, M). Of equal
    costs the first edge wins. An inf cost, with no nodes, says that no path exists.
    """
    nodes, sentences = recurrence[0].cost.shape
    distinct = {id(edge.cost): edge.cost for edge in recurrence}
    costs = np.stack([skewed(cost) for cost in distinct.values()])
    incoming = _incoming(recurrence, states)
    move = np.array([MOVES.index(edge.move) for edge in recurrence])[incoming]
    source = np.array([edge.source for edge in recurrence])[incoming]
    cost = np.array([list(distinct).index(id(edge.cost)) for edge in recurrence])[incoming]
    older = np.full((states, nodes), np.inf)
    newer = older.copy()
    newer[list(starts), 0] = 0
    choices = np.zeros((nodes + sentences - 1, states, nodes), dtype=np.int8)
    for diagonal in range(1, nodes + sentences - 1):
        reached = before(older, newer)[move, source] + costs[cost, diagonal]
        best = reached.argmin(axis=1, keepdims=True)
        choices[diagonal] = np.take_along_axis(incoming, best[:, 0], axis=1)
        older, newer = newer, np.take_along_axis(reached, best, axis=1)[:, 0]
    end = min(ends, key=lambda state: newer[state, -1])
    total = float(newer[end, -1])
    if not np.isfinite(total):
        return np.zeros((0, 3), dtype=np.int64), total
    return _back(choices, recurrence, (nodes - 1, sentences - 1, end)), total


def _incoming(recurrence: Sequence[Edge], states: int) -> NDArray[np.int64]:
    """Numbers of the edges into each state `[S, E]`; a shorter row repeats its first one, which changes no minimum."""
    rows = [[number for number, edge in enumerate(recurrence) if edge.target == state] for state in range(states)]
    most = max(map(len, rows))
    return np.array([row + row[:1] * (most - len(row)) for row in rows])


def _back(choices: NDArray[np.int8], recurrence: Sequence[Edge], node: tuple[int, int, int]) -> NDArray[np.int64]:
    path = []
    clips, sentences, state = node
    while clips + sentences > 0:
        path.append((clips, sentences, state))
        edge = recurrence[choices[clips + sentences, state, clips]]
        clips, sentences, state = clips - edge.move[0], sentences - edge.move[1], edge.source
    return np.array(path[::-1], dtype=np.int64).reshape(-1, 3)
