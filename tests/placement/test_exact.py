"""On small instances: greedy as promised, and never better than the optimum."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from ortools.sat.python import cp_model

from omnicloud.placement.engine.decide import decide
from omnicloud.placement.model.labels import Match, labels
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.options import Aim, Options
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import AntiAffinity, Workload

CPU, MEMORY = 10, 16
DB = labels({"app": "db"})
APART = (AntiAffinity(Match(DB)),)


def nodes(count: int) -> list[Node]:
    capacity = Resources(cpu_cores=CPU, memory_bytes=MEMORY)
    return [Node(name=f"n{number:02}", capacity=capacity) for number in range(count)]


@st.composite
def workloads(draw: st.DrawFn) -> list[Workload]:
    return [
        Workload(
            name=f"w{number}",
            request=Resources(
                cpu_cores=draw(st.integers(1, CPU)), memory_bytes=draw(st.integers(1, MEMORY))
            ),
            **({"labels": DB, "anti_affinity": APART} if draw(st.booleans()) else {}),
        )
        for number in range(draw(st.integers(1, 9)))
    ]


def fewest(found: list[Workload]) -> int:
    """The least number of nodes, by constraint programming."""
    model = cp_model.CpModel()
    bins = range(len(found))
    at = [[model.new_bool_var("") for _ in bins] for _ in found]
    used = [model.new_bool_var("") for _ in bins]
    for row in at:
        model.add_exactly_one(row)
    for number in bins:
        cpu = sum(int(w.request.cpu_cores) * at[i][number] for i, w in enumerate(found))
        memory = sum(int(w.request.memory_bytes) * at[i][number] for i, w in enumerate(found))
        apart = sum(at[i][number] for i, w in enumerate(found) if w.labels)
        model.add(cpu <= CPU * used[number])
        model.add(memory <= MEMORY * used[number])
        model.add(apart <= 1)
    model.minimize(sum(used))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model) == cp_model.OPTIMAL
    return round(solver.objective_value)


def bound(found: list[Workload]) -> int:
    cpu = math.ceil(sum(w.request.cpu_cores for w in found) / CPU)
    memory = math.ceil(sum(w.request.memory_bytes for w in found) / MEMORY)
    return max(cpu, memory, sum(1 for w in found if w.labels))


def opened_for_nothing(found: list[Workload], at: dict[str, str]) -> bool:
    """Whether a node was opened while one in use had room: greedy placement never does that."""
    inside: dict[str, list[Workload]] = {}
    for one in found:
        if at[one.name] not in inside and any(room(there, one) for there in inside.values()):
            return True
        inside.setdefault(at[one.name], []).append(one)
    return False


def room(there: list[Workload], one: Workload) -> bool:
    after = [*there, one]
    cpu = sum(w.request.cpu_cores for w in after)
    memory = sum(w.request.memory_bytes for w in after)
    return cpu <= CPU and memory <= MEMORY and sum(1 for w in after if w.labels) <= 1


@settings(max_examples=40, deadline=None)
@given(workloads(), st.sampled_from(["density", "best_fit"]))
def test_filling_up_opens_no_node_for_nothing_and_is_never_better_than_the_optimum(
    found: list[Workload], aim: str
) -> None:
    options = Options(aims=(Aim(aim),))
    decision = decide(Snapshot.of(nodes(len(found)), found), options)
    assert decision.refusals == ()
    at = {placement.workload: placement.node for placement in decision.placements}
    assert not opened_for_nothing(found, at)
    assert bound(found) <= fewest(found) <= decision.nodes_used
