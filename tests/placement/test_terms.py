"""Nodes on demand, reserved and spot: what each costs, and who may be on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from omnicloud.placement.engine.decide import decide
from omnicloud.placement.model.node import Node, Terms
from omnicloud.placement.model.options import Aim, Options
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.sources.fleet import read_fleet

ON_DEMAND = Node(name="a", capacity=Resources(cpu_cores=4), price_per_hour=1.0)
RESERVED = replace(ON_DEMAND, name="b", price_per_hour=3.0, terms=Terms.RESERVED)
SPOT = replace(ON_DEMAND, name="c", price_per_hour=0.3, terms=Terms.SPOT)
CHEAPLY = Options(aims=(Aim("cost"),), refuse_impossible=True)


def asks(name: str, cores: float = 3, **said: bool) -> Workload:
    return Workload(name=name, request=Resources(cpu_cores=cores), **said)


def nodes_of(nodes: list[Node], *workloads: Workload) -> dict[str, str]:
    decision = decide(Snapshot.of(nodes, workloads), CHEAPLY)
    return {one.workload: one.node for one in decision.placements}


def test_what_is_paid_for_anyway_is_filled_before_anything_is_opened() -> None:
    assert nodes_of([ON_DEMAND, RESERVED], asks("w1"), asks("w2")) == {"w1": "b", "w2": "a"}


def test_only_what_may_be_interrupted_goes_to_a_spot_node() -> None:
    nodes = [ON_DEMAND, SPOT]
    placed = nodes_of(nodes, asks("w1"), asks("w2", interruptible=True))
    assert placed == {"w1": "a", "w2": "c"}
    decision = decide(Snapshot.of([SPOT], [asks("w1")]), CHEAPLY)
    (refused,) = decision.refusals
    assert "c is a spot node, and it may not be interrupted" in refused.words


def test_a_reserved_node_costs_what_it_costs_whether_it_is_used_or_not() -> None:
    nodes = [ON_DEMAND, RESERVED, SPOT]
    empty = decide(Snapshot.of(nodes), CHEAPLY)
    assert (empty.nodes_used, empty.price_per_hour) == (0, 3.0)
    used = decide(Snapshot.of(nodes, placed={"b": [asks("w")], "a": [asks("v")]}), CHEAPLY)
    assert (used.nodes_used, used.price_per_hour) == (2, 4.0)


def test_emptying_a_reserved_node_saves_nothing() -> None:
    small = {"a": [asks("w1", 1)], "b": [asks("w2", 1)]}
    options = replace(CHEAPLY, move_budget=5, move_price=0.01)
    decision = decide(Snapshot.of([ON_DEMAND, RESERVED], placed=small), options)
    assert [(one.workload, one.source, one.target) for one in decision.moves] == [("w1", "a", "b")]


def test_a_fleet_file_says_terms_by_their_names(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(
        '[[nodes]]\nname = "n"\ncapacity = { cpu_cores = 4 }\nterms = "spot"\n'
        '[[workloads]]\nname = "w"\nrequest = { cpu_cores = 1 }\ninterruptible = true\n'
    )
    snapshot, _ = read_fleet(file)
    assert (snapshot.nodes[0].terms, snapshot.pending[0].interruptible) == (Terms.SPOT, True)
