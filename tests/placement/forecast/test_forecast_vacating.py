"""Nodes that are given back: whole, in quiet times, and never onto others that have no room."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.forecast.relief import ReliefMove
from omnicloud.placement.forecast.vacating import Calm, Lately, vacate

CORES, GIB = 10.0, 8.0


def lately(
    node_of: list[int],
    usage: list[list[float]],
    nodes: int,
    *,
    memory: float = 1.0,
    closed: tuple[int, ...] = (),
    prices: list[float] | None = None,
) -> Lately:
    capacity = np.full(nodes, CORES, dtype=np.float32)
    capacity[list(closed)] = 0
    return Lately(
        node_of=np.array(node_of, dtype=np.intp),
        usage=np.array(usage, dtype=np.float32),
        memory=np.full((len(usage), 1), memory, dtype=np.float32),
        capacity=capacity,
        memory_capacity=np.full(nodes, GIB, dtype=np.float32),
        prices=np.array(prices or [1.0] * nodes, dtype=np.float32),
    )


def test_the_node_that_saves_most_for_each_move_goes_to_the_fullest_with_room() -> None:
    now = lately([0, 0, 1, 2, 2], [[3], [3], [2], [4], [3]], nodes=3)
    assert vacate(now, 5) == (ReliefMove(2, 1, 2),)


def test_a_dear_node_goes_before_a_cheap_one() -> None:
    now = lately([0, 1, 2], [[2], [2], [2]], nodes=3, prices=[1, 3, 1])
    assert vacate(now, 5) == (ReliefMove(1, 1, 0),)


def test_what_is_busy_at_other_times_may_share_a_node_and_at_the_same_time_not() -> None:
    turns = lately([0, 1], [[8, 0], [0, 8]], nodes=2)
    assert vacate(turns, 5) == (ReliefMove(0, 0, 1),)
    at_once = lately([0, 1], [[8, 0], [8, 0]], nodes=2)
    assert vacate(at_once, 5) == ()


def test_memory_holds_a_node_that_nobody_computes_on() -> None:
    assert vacate(lately([0, 1], [[1], [1]], nodes=2, memory=4), 5) == ()
    assert vacate(lately([0, 1], [[1], [1]], nodes=2, memory=3), 5) != ()


def test_a_node_that_cannot_be_emptied_whole_is_left_alone() -> None:
    assert vacate(lately([0, 0, 1], [[1], [6], [5]], nodes=2), 5) == ()
    assert vacate(lately([0, 0, 1], [[1], [1], [5]], nodes=2), 0) == ()


def test_closed_nodes_are_neither_emptied_nor_filled() -> None:
    assert vacate(lately([0], [[1]], nodes=2, closed=(1,)), 5) == ()


@settings(max_examples=60)
@given(
    placed=st.lists(
        st.tuples(st.integers(0, 3), st.lists(st.integers(0, 4), min_size=3, max_size=3)),
        min_size=1,
        max_size=14,
    ),
    budget=st.integers(0, 6),
)
def test_a_node_ends_empty_and_no_other_is_overfilled(
    placed: list[tuple[int, list[int]]], budget: int
) -> None:
    node_of = [node for node, _ in placed]
    usage = [[float(one) for one in used] for _, used in placed]
    moves = vacate(lately(node_of, usage, nodes=4), budget)
    assert len(moves) <= budget
    loads, after = np.zeros((4, 3)), list(node_of)
    for move in moves:
        assert after[move.workload] == move.source == moves[0].source != move.target
        after[move.workload] = move.target
    if moves:
        assert moves[0].source not in after
    np.add.at(loads, after, np.array(usage))
    for node in {move.target for move in moves}:
        assert loads[node].max() <= 0.9 * CORES + 1e-4
        assert after.count(node) <= 0.9 * GIB


def test_a_node_may_go_after_quiet_intervals_in_a_row_only() -> None:
    calm = Calm(3)
    said = [calm.after(disturbed=one) for one in (False, False, True, False, False, False, False)]
    assert said == [False, False, False, False, False, True, True]


def test_no_patience_is_a_mistake() -> None:
    with pytest.raises(InvalidArgumentError, match="patience is 0"):
        Calm(0)


def test_what_was_not_measured_empties_no_node() -> None:
    for usage, words in ([[1.0], [np.nan]], "usage of number 1"), ([[], []], "one interval"):
        with pytest.raises(InvalidArgumentError, match=words):
            lately([0, 1], usage, nodes=2)
    with pytest.raises(InvalidArgumentError, match="node_of of number 1 is 5"):
        lately([0, 5], [[1.0], [1.0]], nodes=2)
    with pytest.raises(InvalidArgumentError, match="fill is nan"):
        vacate(lately([0, 1], [[1.0], [1.0]], nodes=2), 5, fill=np.nan)
