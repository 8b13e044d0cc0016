"""What cannot be placed as it stands is named: all of it at once, with how to mend it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.engine.decide import decide
from omnicloud.placement.model.checks import check
from omnicloud.placement.model.errors import InvalidSnapshotError
from omnicloud.placement.model.labels import Match, Operator, Requirement, labels
from omnicloud.placement.model.node import Gpus, Node, NumaZone, Power
from omnicloud.placement.model.options import Aim, Options
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.snapshot import Latency, Placed, Snapshot
from omnicloud.placement.model.workload import (
    Affinity,
    AntiAffinity,
    GpuRequest,
    Spread,
    Talk,
    Workload,
)

NODE = Node(name="n", capacity=Resources(cpu_cores=8, memory_bytes=8))
ASKS = Workload(name="w", request=Resources(cpu_cores=1))
DB = Match(labels({"app": "db"}))
HUGE = 10**400  # which no float can be

BAD_WORKLOADS = {
    "its request of cpu_cores is -1": replace(ASKS, request=Resources(cpu_cores=-1)),
    "its request of memory_bytes is nan": replace(ASKS, request=Resources(memory_bytes=math.nan)),
    "its request of fpga is inf": replace(ASKS, request=Resources.of({"fpga": math.inf})),
    "its forecast of pids is -2": replace(ASKS, forecast=Resources(pids=-2)),
    "its lifetime in seconds is nan": replace(ASKS, lifetime_seconds=math.nan),
    "asks for 0 GPUs": replace(ASKS, gpu=GpuRequest(0)),
    "its request of pids is over 1.1259e+15": replace(ASKS, request=Resources(pids=HUGE)),
    "its request of disk_bytes is None": replace(ASKS, request=Resources(disk_bytes=None)),
    "its priority is nan": replace(ASKS, priority=math.nan),
    "bears is nan": replace(ASKS, anti_affinity=(AntiAffinity(DB, "node", math.nan),)),
    "its max_skew is over 1.1259e+15": replace(ASKS, spread=(Spread(DB, "zone", HUGE),)),
    f"asks for {HUGE} GPUs": replace(ASKS, gpu=GpuRequest(HUGE)),
    "asks for shares of 2 GPUs": replace(ASKS, gpu=GpuRequest(2, 500)),
    "asks for port 70000": replace(ASKS, ports=frozenset({70000})),
    "the most others that it bears is -1": replace(
        ASKS, anti_affinity=(AntiAffinity(DB, "node", -1),)
    ),
    "the least others that it needs is 0": replace(ASKS, affinity=(Affinity(DB, "zone", 0),)),
    "its max_skew is 0": replace(ASKS, spread=(Spread(DB, "zone", 0),)),
    "requirements of the label 'disk' contradict each other": replace(
        ASKS,
        requirements=(
            Requirement("disk", Operator.IN, frozenset({"ssd"})),
            Requirement("disk", Operator.NOT_IN, frozenset({"ssd", "hdd"})),
        ),
    ),
    "to be one of no values": replace(ASKS, requirements=(Requirement("disk", Operator.IN),)),
    "needs 1 of [app=db] in its zone and bears 0": replace(
        ASKS, affinity=(Affinity(DB),), anti_affinity=(AntiAffinity(Match(), "zone"),)
    ),
    "depends on 'x', which is not there": replace(ASKS, depends_on=frozenset({"x"})),
    "talks to 'x', which is not there": replace(ASKS, talks_to=(Talk("x", 1),)),
    "talks to itself": replace(ASKS, talks_to=(Talk("w", 1),)),
    "may be -1 seconds from": replace(ASKS, talks_to=(Talk("x", -1),)),
    "depends on itself: 'w' on 'w'": replace(ASKS, depends_on=frozenset({"w"})),
    "has no name": replace(ASKS, name=""),
    "no node could take it": replace(ASKS, request=Resources(cpu_cores=9)),
}
BAD_NODES = {
    "its capacity of cpu_cores is -8": replace(NODE, capacity=Resources(cpu_cores=-8)),
    "its price per hour is nan": replace(NODE, price_per_hour=math.nan),
    "CPU of NUMA zone 0 is -1": replace(NODE, numa=(NumaZone(-1, 1),)),
    "its capacity of pids is over 1.1259e+15": replace(NODE, capacity=Resources(pids=HUGE)),
    "max_workloads is over 1.1259e+15": replace(NODE, max_workloads=HUGE),
    "max_workloads is 1.5": replace(NODE, max_workloads=1.5),
    "its count of GPUs is over 1024": replace(NODE, gpus=Gpus("T4", 10**9)),
    "its gCO2e of a kWh is nan": replace(NODE, power=Power((5.0, 9.0), math.nan)),
    "fewer than two points": replace(NODE, power=Power((5.0,))),
    "a point of its power curve is nan": replace(NODE, power=Power((5.0, math.nan))),
    "has no name": replace(NODE, name=""),
}


@pytest.mark.parametrize(("words", "asks"), BAD_WORKLOADS.items())
def test_a_bad_workload_is_named(words: str, asks: Workload) -> None:
    with pytest.raises(InvalidSnapshotError) as caught:
        decide(Snapshot.of([NODE], [asks]))
    assert isinstance(caught.value, InvalidArgumentError)
    assert any(words in problem.what and problem.mend for problem in caught.value.problems)


@pytest.mark.parametrize(("words", "node"), BAD_NODES.items())
def test_a_bad_node_is_named(words: str, node: Node) -> None:
    assert any(words in problem.what for problem in check(Snapshot.of([node])))


def test_all_mistakes_are_told_at_once() -> None:
    pending = [replace(one, name=f"w{n}") for n, one in enumerate(list(BAD_WORKLOADS.values())[:9])]
    with pytest.raises(InvalidSnapshotError) as caught:
        decide(Snapshot.of([NODE, NODE], pending))
    told = {problem.where for problem in caught.value.problems}
    assert told == {"node 'n'"} | {f"workload 'w{n}'" for n in range(9)}


def test_a_cycle_of_dependencies_is_shown_as_it_goes() -> None:
    pending = [
        replace(ASKS, name=name, depends_on=frozenset({needs}))
        for name, needs in ("ab", "bc", "ca")
    ]
    (problem,) = check(Snapshot.of([NODE], pending))
    assert problem.what.startswith("depends on itself: ")
    assert {"'a'", "'b'", "'c'"} <= set(problem.what.split())


def test_names_are_unique_and_places_exist() -> None:
    twice = Snapshot.of([NODE], [ASKS], placed={"n": [ASKS], "gone": [replace(ASKS, name="x")]})
    words = " ".join(problem.what for problem in check(twice))
    assert "is there 2 times" in words
    assert "is on 'gone', which is not there" in words


def test_ports_that_two_share_already_and_times_that_are_none_are_named() -> None:
    there = [replace(ASKS, name=name, ports=frozenset({80})) for name in "ab"]
    snapshot = Snapshot.of([NODE], placed={"n": there}, latencies=[Latency("a", "b", math.nan)])
    words = " ".join(problem.what for problem in check(snapshot))
    assert "together with 'a'" in words
    assert "is nan seconds" in words


def test_a_round_trip_of_two_lengths_is_named() -> None:
    there_and_back = [Latency("a", "b", 1.0), Latency("b", "a", 2.0)]
    (problem,) = check(Snapshot.of([NODE], latencies=there_and_back))
    assert problem.what == "is 1 seconds and 2 seconds"
    assert not check(Snapshot.of([NODE], latencies=there_and_back[:1] * 2))


def test_nodes_out_of_order_are_refused_as_rows_would_mean_others() -> None:
    snapshot = Snapshot((replace(NODE, name="b"), NODE))
    assert check(replace(snapshot, nodes=(replace(NODE, name="z"), NODE)))[0].what.startswith(
        "are not sorted"
    )


def test_a_fleet_that_is_overfilled_already_gets_nothing_more_and_does_no_harm() -> None:
    heavy = replace(ASKS, name="heavy", request=Resources(cpu_cores=99))
    snapshot = replace(Snapshot.of([NODE], [ASKS]), placed=(Placed(heavy, "n"),))
    (refusal,) = decide(snapshot).refusals
    assert refusal.reasons[0].nearest.offered == -91


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(verify_top=0), "verify_top is 0"),
        (Options(move_budget=-1), "move_budget is -1"),
        (Options(move_budget=HUGE), "move_budget is over 1"),
        (Options(move_price=math.nan), "move_price is nan"),
        (Options(spare_nodes=-2), "spare_nodes is -2"),
        (Options(aims=()), "have no aim"),
        (Options(aims=(Aim("cost"), Aim("cost"))), "name an aim twice in cost, cost"),
    ],
)
def test_bad_options_are_named(options: Options, words: str) -> None:
    with pytest.raises(InvalidSnapshotError, match=words):
        decide(Snapshot.of([NODE]), options)
