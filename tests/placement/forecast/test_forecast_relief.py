"""Moves off hot nodes: none breaks a bound, and a node is asked for when moves do not help."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.forecast.growth import Growth
from omnicloud.placement.forecast.relief import Relief, ReliefMove, Standing, relieve

AMOUNTS = st.lists(st.integers(0, 9), min_size=1, max_size=14)


def standing(node_of: list[int], usage: list[float], nodes: int, cores: float = 10) -> Standing:
    used = np.array(usage, dtype=np.float32)
    return Standing(
        node_of=np.array(node_of, dtype=np.intp),
        usage=used,
        expected=used,
        memory=np.ones((len(usage), 1), dtype=np.float32),
        capacity=np.full(nodes, cores, dtype=np.float32),
        memory_capacity=np.full(nodes, 4, dtype=np.float32),
    )


def after(now: Standing, relief: Relief) -> np.ndarray:
    node_of = now.node_of.copy()
    for move in relief.moves:
        assert node_of[move.workload] == move.source
        node_of[move.workload] = move.target
    return node_of


def test_the_smallest_that_is_enough_goes_to_the_emptiest_node() -> None:
    now = standing([0, 0, 0, 1, 2], [7, 4, 2, 5, 1], nodes=3)
    assert relieve(now, 5) == Relief((ReliefMove(1, 0, 2),), need_node=False)


def test_a_node_within_its_capacity_is_left_alone() -> None:
    assert relieve(standing([0, 0, 1], [5, 5, 0], nodes=2), 5) == Relief((), need_node=False)


def test_several_small_ones_go_where_no_big_one_fits() -> None:
    now = standing([0, 0, 0, 1], [7, 2, 2, 5], nodes=2)
    relief = relieve(now, 5)
    assert [move.workload for move in relief.moves] == [1]
    assert not relief.need_node


def test_without_room_elsewhere_a_node_is_asked_for() -> None:
    assert relieve(standing([0, 0, 1], [7, 5, 8], nodes=2), 5) == Relief((), need_node=True)


def test_a_closed_node_gets_nothing() -> None:
    now = standing([0, 0, 1], [7, 5, 8], nodes=3)
    closed = replace(now, capacity=np.array([10, 10, 0], dtype=np.float32))
    assert relieve(closed, 5).need_node


def test_a_move_needs_the_memory_at_the_expected_peak() -> None:
    now = standing([0, 0, 1, 1], [7, 5, 0, 0], nodes=2)
    apart = np.array([[1, 1], [3, 0], [0, 3], [0, 1]], dtype=np.float32)
    assert relieve(replace(now, memory=apart), 5).moves == (ReliefMove(1, 0, 1),)
    at_once = np.array([[1, 1], [3, 0], [3, 0], [0, 1]], dtype=np.float32)
    assert relieve(replace(now, memory=at_once), 5).need_node


def remembering(
    node_of: list[int], usage: list[float], nodes: int, memory: list[float]
) -> Standing:
    """As :func:`standing`, with ten of memory on each node, of which so much is in use."""
    return replace(
        standing(node_of, usage, nodes),
        memory=np.ones((len(usage), 1), dtype=np.float32),
        memory_capacity=np.full(nodes, 10, dtype=np.float32),
        memory_usage=np.array(memory, dtype=np.float32),
    )


def test_a_node_is_relieved_before_its_memory_is_full() -> None:
    now = remembering([0, 0, 0, 1], [1, 1, 1, 1], 2, [6, 2.5, 1, 2])
    assert relieve(now, 5).moves == (ReliefMove(2, 0, 1),)  # 9.5 of 10, the smallest that helps
    assert relieve(now, 5, memory_fill=0.96).moves == ()
    assert relieve(replace(now, memory_usage=None), 5).moves == ()


def test_what_frees_memory_goes_where_there_is_a_core_and_memory_for_it() -> None:
    now = remembering([0, 0, 1, 2], [2, 2, 9, 1], 3, [6, 3.5, 1, 6])
    assert relieve(now, 5) == Relief(
        (), need_node=True
    )  # no core on the one, no memory on the other
    closed = replace(now, usage=np.zeros(4, dtype=np.float32), capacity=np.float32([10, 0, 10]))
    assert relieve(closed, 5).need_node


def test_a_hot_node_gives_nothing_to_one_that_runs_out_of_memory() -> None:
    now = remembering([0, 0, 1, 2], [7, 5, 0, 3], 3, [1, 2, 8, 1])
    assert relieve(now, 5).moves == (ReliefMove(1, 0, 2),)


@given(AMOUNTS, st.integers(1, 5), st.integers(0, 6), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=100)
def test_no_relief_fills_the_memory_of_a_node(
    memory: list[int], nodes: int, budget: int, random: object
) -> None:
    node_of = [random.randrange(nodes) for _ in memory]
    usage = [float(random.randrange(6)) for _ in memory]
    now = remembering(node_of, usage, nodes, [float(one) for one in memory])
    relief = relieve(now, budget)
    moved = after(now, relief)
    was = np.bincount(node_of, memory, nodes)
    uses = np.bincount(moved, memory, nodes)
    assert len(relief.moves) <= budget
    assert all(uses[node] <= max(was[node], 9) for node in range(nodes))
    if budget > len(memory) and np.any(uses > 9.0):
        assert relief.need_node


def test_the_budget_is_kept() -> None:
    now = standing([0, 0, 1, 1, 2], [7, 5, 7, 5, 0], nodes=3)
    assert len(relieve(now, 1).moves) == 1
    assert relieve(now, 0).moves == ()


@given(AMOUNTS, st.integers(1, 5), st.integers(0, 6), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=150)
def test_no_relief_makes_a_node_hot_or_overcommits_memory(
    usage: list[int], nodes: int, budget: int, random: object
) -> None:
    node_of = [random.randrange(nodes) for _ in usage]
    now = standing(node_of, [float(one) for one in usage], nodes)
    relief = relieve(now, budget)
    moved = after(now, relief)
    before = np.bincount(now.node_of, now.usage, nodes)
    loads = np.bincount(moved, now.usage, nodes)
    counts = np.bincount(moved, minlength=nodes)
    assert len(relief.moves) <= budget
    for node in range(nodes):
        assert loads[node] <= max(before[node], 9.7)
        assert counts[node] <= max(4, np.bincount(now.node_of, minlength=nodes)[node])
    if budget > 5 and np.any(loads > 10):
        assert relief.need_node


def ask(growth: Growth, *intervals: tuple[int, bool]) -> list[bool]:
    return [growth.after(nodes=10, overloaded=over, need_node=need) for over, need in intervals]


def test_a_node_is_opened_when_patience_is_over() -> None:
    growth = Growth(0.01, 1000, patience=2)
    assert ask(growth, (1, True), (0, False), (1, True), (1, True)) == [False, False, False, True]


def test_after_a_node_its_effect_is_waited_for() -> None:
    growth = Growth(0.001, 1000, pause=2)
    assert ask(growth, *[(20, False)] * 4) == [True, False, False, True]


def test_patience_ends_with_what_the_goal_allows() -> None:
    growth = Growth(0.001, 1000, patience=5)
    assert ask(growth, (9, True), (1, True)) == [False, True]


def test_with_twice_of_it_spent_any_overload_opens_a_node() -> None:
    growth = Growth(0.001, 1000)
    assert ask(growth, (19, False), (0, False), (1, False)) == [False, False, True]


@pytest.mark.parametrize(
    "bad", [{"share": -0.1}, {"intervals": 0}, {"patience": 0}, {"brake": 0.5}]
)
def test_growth_by_bounds_that_cannot_be_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidArgumentError):
        Growth(**{"share": 0.001, "intervals": 10, **bad})


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"usage": [7, math.nan]}, "usage of number 1 is nan"),
        ({"usage": [7, -1]}, "usage of number 1 is -1.0"),
        ({"usage": [7]}, "2 rows are needed"),
        ({"expected": [math.inf, 1]}, "expected of number 0 is inf"),
        ({"memory": [[1], [math.nan]]}, "memory of number 1 is nan"),
        ({"memory_usage": [math.nan, 1]}, "memory_usage of number 0 is nan"),
        ({"capacity": [math.nan, 1]}, "capacity of number 0 is nan"),
    ],
)
def test_a_gap_hides_no_hot_node(wrong: dict[str, object], words: str) -> None:
    arrays = {name: np.array(values, dtype=np.float32) for name, values in wrong.items()}
    with pytest.raises(InvalidArgumentError, match=words):
        replace(standing([0, 0], [7, 5], nodes=2), **arrays)


@pytest.mark.parametrize("node", [-1, 2])
def test_a_workload_on_a_node_that_is_not_there_is_named(node: int) -> None:
    with pytest.raises(InvalidArgumentError, match=f"node_of of number 1 is {node}, there are 2"):
        standing([0, node], [7, 5], nodes=2)


@pytest.mark.parametrize("share", ["fill", "memory_fill", "reserve"])
def test_shares_that_are_none_are_refused(share: str) -> None:
    with pytest.raises(InvalidArgumentError, match=share):
        relieve(standing([0, 0], [7, 5], nodes=2), 5, **{share: math.nan})


def test_a_budget_that_is_overspent_moves_nothing() -> None:
    assert relieve(standing([0, 0], [7, 5], nodes=2), -1).moves == ()
