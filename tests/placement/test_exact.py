"""On small instances: never worse than greedy was promised to be, never better than the optimum."""

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


def first_fit(found: list[Workload]) -> int:
    """Each workload onto the first node that has room: the simplest greedy there is."""
    there: list[list[Workload]] = []
    for one in found:
        for inside in there:
            cpu = sum(w.request.cpu_cores for w in (*inside, one))
            memory = sum(w.request.memory_bytes for w in (*inside, one))
            apart = sum(1 for w in (*inside, one) if w.labels)
            if cpu <= CPU and memory <= MEMORY and apart <= 1:
                inside.append(one)
                break
        else:
            there.append([one])
    return len(there)


@settings(max_examples=40, deadline=None)
@given(workloads())
def test_density_is_within_greedy_and_never_better_than_the_optimum(found: list[Workload]) -> None:
    decision = decide(Snapshot.of(nodes(len(found)), found))
    assert decision.refusals == ()
    assert bound(found) <= fewest(found) <= decision.nodes_used
    # any-fit never opens a node while one has room, so that no two nodes could have been one
    assert decision.nodes_used <= len(found)


@settings(max_examples=40, deadline=None)
@given(workloads())
def test_the_search_is_never_worse_than_greedy_and_never_better_than_the_optimum(
    found: list[Workload],
) -> None:
    decision = decide(Snapshot.of(nodes(len(found)), found), Options(aims=(Aim("density"),)))
    assert fewest(found) <= decision.nodes_used
    assert min(decision.nodes_used, first_fit(found)) >= bound(found)
