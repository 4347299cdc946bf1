"""Oracles: actions and alignments say the same, and mistakes are mended as well as they can be."""

from functools import lru_cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from vatt_harmony.align.actions import FIVE, ONE_TO_MANY, ONE_TO_ONE, ActionSet, streams_set
from vatt_harmony.align.dynamic_oracle import dynamic_targets
from vatt_harmony.align.oracle import actions_of
from vatt_harmony.align.sequence import NULL
from vatt_harmony.align.trace import alignment_of, cursors, made_pairs

SETS = {kind.name: kind for kind in (ONE_TO_ONE, ONE_TO_MANY, FIVE, streams_set(2), streams_set(3), streams_set(4))}
sets = pytest.mark.parametrize("kind", SETS.values(), ids=SETS)
seeds = st.integers(0, 2**32 - 1)
few = settings(deadline=None, max_examples=40)


def walk(kind: ActionSet, lengths: list[int], generator: np.random.Generator) -> NDArray[np.int64]:
    """Random legal actions to the end, int64 `[T]`."""
    left, taken = torch.tensor(lengths), []
    while left.any():
        may = np.flatnonzero(kind.legal(left).numpy())
        taken.append(int(generator.choice(may)))
        left = kind.advance(left, torch.tensor(taken[-1]))
    return np.array(taken, dtype=np.int64)


def example(kind: ActionSet, seed: int, longest: int) -> tuple[NDArray[np.int64], list[int], np.random.Generator]:
    """Random legal actions on streams of random lengths."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(0, longest + 1, kind.streams).tolist()
    if kind.keeps_sentences:
        lengths[1] = min(lengths)
    return walk(kind, lengths, generator), lengths, generator


@sets
@given(seed=seeds)
@few
def test_actions_and_alignments_say_the_same(kind: ActionSet, seed: int) -> None:
    walked, lengths, generator = example(kind, seed, 6)
    pairs = alignment_of(walked, lengths, kind)
    for order in ("lazy", "eager", "random"):
        actions = actions_of(pairs, lengths, kind, order, generator)
        np.testing.assert_array_equal(np.unique(alignment_of(actions, lengths, kind), axis=0), np.unique(pairs, axis=0))
        again = actions_of(alignment_of(actions, lengths, kind), lengths, kind, order, np.random.default_rng(seed))
        if order != "random":
            np.testing.assert_array_equal(again, actions)
        left = cursors(torch.from_numpy(actions), torch.tensor(lengths), kind)
        assert kind.legal(left).gather(1, torch.from_numpy(actions)[:, None]).all()
        if kind is ONE_TO_MANY:
            assert len(actions) == sum(lengths)


@sets
@pytest.mark.parametrize("order", ["lazy", "eager"])
@given(seed=seeds)
@few
def test_on_the_right_path_both_oracles_agree(kind: ActionSet, order: str, seed: int) -> None:
    walked, lengths, _ = example(kind, seed, 6)
    pairs = alignment_of(walked, lengths, kind)
    actions = actions_of(pairs, lengths, kind, order)  # type: ignore[arg-type]
    left = cursors(torch.from_numpy(actions), torch.tensor(lengths), kind)
    targets = dynamic_targets(left[None], torch.from_numpy(pairs)[None], torch.tensor([lengths]), kind, order)  # type: ignore[arg-type]
    np.testing.assert_array_equal(targets[0], actions)


@sets
@given(seed=seeds)
@few
def test_the_dynamic_oracle_makes_as_many_true_pairs_as_can_be_made(kind: ActionSet, seed: int) -> None:
    longest = 4 if kind.streams == 2 else 3 if kind.streams == 3 else 2
    walked, lengths, generator = example(kind, seed, longest)
    truth = frozenset(map(tuple, alignment_of(walked, lengths, kind).tolist()))
    mistaken = cursors(torch.from_numpy(walk(kind, lengths, generator)), torch.tensor(lengths), kind)
    pairs = torch.tensor(sorted(truth), dtype=torch.int64).reshape(1, -1, kind.streams)
    for start in mistaken.tolist():
        assert gained(kind, tuple(start), lengths, truth, pairs) == best(kind, tuple(start), tuple(lengths), truth)


def gained(
    kind: ActionSet, start: tuple[int, ...], lengths: list[int], truth: frozenset[tuple[int, ...]], pairs: Tensor
) -> int:
    """True pairs made by following the dynamic oracle from a state."""
    left, found = torch.tensor(start), 0
    while left.any():
        target = dynamic_targets(left.view(1, 1, -1), pairs, torch.tensor([lengths]), kind)[0, 0]
        assert kind.legal(left)[target]
        found += pair_of(kind, int(target), tuple(left.tolist()), tuple(lengths)) in truth
        left = kind.advance(left, target)
    return found


@lru_cache(maxsize=100_000)
def best(kind: ActionSet, left: tuple[int, ...], lengths: tuple[int, ...], truth: frozenset[tuple[int, ...]]) -> int:
    """True pairs that the best of all legal ways from a state makes."""
    values = [0]
    for action in np.flatnonzero(kind.legal(torch.tensor(left)).numpy()):
        after = tuple((torch.tensor(left) - kind.pops[action]).tolist())
        values.append((pair_of(kind, int(action), left, lengths) in truth) + best(kind, after, lengths, truth))
    return max(values)


def pair_of(kind: ActionSet, action: int, left: tuple[int, ...], lengths: tuple[int, ...]) -> tuple[int, ...]:
    members = kind.actions[action].matches
    return tuple(n - a if m else NULL for n, a, m in zip(lengths, left, members, strict=True))


@given(seed=seeds)
@few
def test_states_of_a_padded_batch_are_judged_alone(seed: int) -> None:
    generator = np.random.default_rng(seed)
    kind = ONE_TO_MANY
    examples = [example(kind, int(generator.integers(2**32)), 6) for _ in range(3)]
    longest = max(1, *(len(actions) for actions, _, _ in examples))
    lengths = torch.tensor([lengths for _, lengths, _ in examples])
    padded = torch.from_numpy(np.stack([np.pad(actions, (0, longest - len(actions))) for actions, _, _ in examples]))
    left, truth = cursors(padded, lengths, kind), made_pairs(padded, lengths, kind)
    targets = dynamic_targets(left, truth, lengths, kind)
    for row in range(3):
        alone = dynamic_targets(left[row : row + 1], truth[row : row + 1], lengths[row : row + 1], kind)
        assert torch.equal(targets[row : row + 1], alone)
