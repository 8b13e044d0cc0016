"""Loads of nodes kept up, and the verifier that the engine asks."""

from __future__ import annotations

import numpy as np
import pytest
from forecast_worlds import DAY, FIRST, fleet
from hypothesis import given, settings
from hypothesis import strategies as st

from omnicloud.errors import ConflictError, InvalidArgumentError
from omnicloud.placement.engine.decide import decide
from omnicloud.placement.forecast.builtin import BLEND
from omnicloud.placement.forecast.forecast import Forecast, sizes_alone
from omnicloud.placement.forecast.node import NodeLoads
from omnicloud.placement.forecast.verifier import PeakVerifier
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import Workload

FORECAST = BLEND.fit(fleet(1), FIRST + 3 * DAY)
STEPS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), max_size=30)


@given(STEPS)
@settings(deadline=None, max_examples=60)
def test_loads_kept_up_are_those_summed_anew(steps: list[tuple[int, int]]) -> None:
    loads = NodeLoads(FORECAST, 3)
    where: dict[int, int] = {}
    for node, workload in steps:
        if where.get(workload) == node:
            loads.remove(node, workload)
            del where[workload]
        elif workload not in where:
            loads.add(node, workload)
            where[workload] = node
    for node in range(3):
        there = [workload for workload, at in where.items() if at == node]
        assert sorted(loads.on(node)) == sorted(there)
        assert loads.load(node) == pytest.approx(FORECAST.together(there), rel=1e-5)


def test_one_more_is_told_without_adding_it() -> None:
    loads = NodeLoads(FORECAST, 2)
    loads.add(0, 1)
    told = loads.with_one_more([0, 1], 2)
    assert told == pytest.approx([FORECAST.together([1, 2]), FORECAST.together([2])], rel=1e-5)
    assert loads.load(1) == 0.0


def test_a_node_more_is_empty_and_leaves_the_others() -> None:
    loads = NodeLoads(FORECAST, 1)
    loads.add(0, 1)
    before = loads.load(0)
    assert [loads.open_node(), loads.open_node(), len(loads)] == [1, 2, 3]
    assert [loads.load(0), loads.load(2)] == [before, 0.0]


def test_a_workload_comes_once_and_leaves_once() -> None:
    loads = NodeLoads(FORECAST, 2)
    loads.add(0, 1)
    with pytest.raises(ConflictError, match="'w1' is on node 0 already"):
        loads.add(0, 1)
    with pytest.raises(ConflictError, match="'w1' is not on node 1"):
        loads.remove(1, 1)


def _workload(name: str) -> Workload:
    return Workload(name=name, request=Resources(cpu_cores=1))


def _sizes(*sizes: float) -> Forecast:
    names = tuple(f"w{number}" for number in range(len(sizes)))
    return sizes_alone(names, np.array(sizes, dtype=np.float32))


def test_the_verifier_says_why_in_numbers_and_words() -> None:
    verifier = PeakVerifier(_sizes(3.0, 2.0), [4.0], knob=1.0)
    first = verifier.fits(0, _workload("w0"))
    assert (first.passed, first.wanted, first.offered, first.unit) == (True, 3.0, 4.0, "cores")
    verifier.added(0, _workload("w0"))
    second = verifier.fits(0, _workload("w1"))
    assert not second.passed
    assert second.words == "the expected load with it, 5.00 cores, is over the node's 4.00 cores"
    verifier.removed(0, _workload("w0"))
    assert verifier.fits(0, _workload("w1")).passed


def test_the_knob_scales_what_is_expected() -> None:
    for knob, passes in ((0.75, True), (0.85, False)):
        verifier = PeakVerifier(_sizes(3.0, 2.0), [4.0], knob=knob)
        verifier.added(0, _workload("w0"))
        assert verifier.fits(0, _workload("w1")).passed is passes


def test_a_workload_that_was_not_forecast_is_told_by_name() -> None:
    with pytest.raises(InvalidArgumentError, match="'stranger'"):
        PeakVerifier(_sizes(1.0), [4.0], knob=1.0).fits(0, _workload("stranger"))


@pytest.mark.parametrize("knob", [0.0, -1.0, float("nan"), float("inf")])
def test_a_knob_that_lets_everything_in_is_refused(knob: float) -> None:
    with pytest.raises(InvalidArgumentError, match="above zero"):
        PeakVerifier(_sizes(1.0), [4.0], knob=knob)


def test_capacities_that_are_none_or_too_few_are_named() -> None:
    with pytest.raises(InvalidArgumentError, match="no amount"):
        PeakVerifier(_sizes(1.0), [float("nan")], knob=1.0)
    short = PeakVerifier(_sizes(1.0), [4.0], knob=1.0)
    for asked in (short.fits, short.added):
        with pytest.raises(InvalidArgumentError, match="capacities of 1 nodes"):
            asked(1, _workload("w0"))


def test_the_engine_keeps_to_the_verifier_and_tells_its_words() -> None:
    nodes = tuple(
        Node(name=name, capacity=Resources(cpu_cores=4, memory_bytes=8)) for name in ("a", "b")
    )
    snapshot = Snapshot(nodes=nodes, pending=tuple(_workload(f"w{number}") for number in range(3)))
    verifier = PeakVerifier(_sizes(3.0, 3.0, 3.0), [4.0, 4.0], knob=1.0)
    decision = decide(snapshot, verifiers=[verifier])
    assert {one.node for one in decision.placements} == {"a", "b"}
    (refused,) = decision.refusals
    assert "6.00 cores" in str(refused)
