"""Each constraint by an example: kept, explained, and missed by the checker if left out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from placement_checker import broken_rules

from omnicloud.placement.engine.decide import decide
from omnicloud.placement.model.labels import (
    Match,
    Operator,
    Requirement,
    Taint,
    Toleration,
    labels,
)
from omnicloud.placement.model.node import Gpus, Node, NumaZone
from omnicloud.placement.model.options import Options
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.snapshot import Latency, Snapshot
from omnicloud.placement.model.workload import (
    Affinity,
    AntiAffinity,
    GpuRequest,
    Spread,
    Talk,
    Workload,
)
from omnicloud.placement.rules.catalogue import Catalogue

NODE = Node(name="n", capacity=Resources(cpu_cores=8, memory_bytes=8), region="eu", zone="a")
ASKS = Workload(name="w", request=Resources(cpu_cores=1))
DB = Match(labels({"app": "db"}))


@dataclass(frozen=True)
class Case:
    """A workload that the rule keeps off the only node."""

    rule: str
    asks: Workload
    node: Node = NODE
    there: tuple[Workload, ...] = ()
    elsewhere: tuple[tuple[Node, Workload], ...] = ()
    latencies: tuple[Latency, ...] = field(default=())

    def snapshot(self) -> Snapshot:
        nodes = [self.node, *(node for node, _ in self.elsewhere)]
        placed = {node.name: [workload] for node, workload in self.elsewhere}
        placed[self.node.name] = list(self.there)
        return Snapshot.of(nodes, [self.asks], placed=placed, latencies=self.latencies)


def other(name: str = "other", **said: object) -> Workload:
    return Workload(name=name, request=Resources(cpu_cores=1), **said)


def full(name: str, region: str, zone: str = "a") -> Node:
    return Node(name=name, capacity=Resources(cpu_cores=1), region=region, zone=zone)


CASES = (
    Case("taints", ASKS, replace(NODE, taints=frozenset({Taint("gpu", "yes")}))),
    Case(
        "taints",
        replace(ASKS, tolerations=frozenset({Toleration("gpu", "no")})),
        replace(NODE, taints=frozenset({Taint("gpu", "yes")})),
    ),
    Case(
        "selectors",
        replace(ASKS, requirements=(Requirement("disk", Operator.IN, frozenset({"ssd"})),)),
        replace(NODE, labels=labels({"disk": "hdd"})),
    ),
    Case("selectors", replace(ASKS, requirements=(Requirement("disk"),))),
    Case("hardware", replace(ASKS, architectures=frozenset({"arm64"}))),
    Case("hardware", replace(ASKS, cpu_features=frozenset({"avx512f"}))),
    Case(
        "hardware",
        replace(ASKS, gpu=GpuRequest(models=frozenset({"A100"}))),
        replace(NODE, gpus=Gpus("T4", 1)),
    ),
    Case("residency", replace(ASKS, residency=frozenset({"us"}))),
    Case("resources", replace(ASKS, request=Resources(cpu_cores=7.001)), there=(other(),)),
    Case("resources", ASKS, replace(NODE, max_workloads=1), there=(other(),)),
    Case(
        "numa",
        replace(ASKS, request=Resources(cpu_cores=5), numa_aligned=True),
        replace(NODE, numa=(NumaZone(4, 4), NumaZone(4, 4))),
    ),
    Case("ports", replace(ASKS, ports=frozenset({80})), there=(other(ports=frozenset({80, 81})),)),
    Case(
        "gpus",
        replace(ASKS, gpu=GpuRequest(milli=600)),
        replace(NODE, gpus=Gpus("T4", 2)),
        (other(gpu=GpuRequest(milli=500)), other("more", gpu=GpuRequest(1, 1000))),
    ),
    Case(
        "anti_affinity",
        replace(ASKS, anti_affinity=(AntiAffinity(DB),)),
        there=(other(labels=labels({"app": "db"})),),
    ),
    Case(
        "anti_affinity",
        replace(ASKS, labels=labels({"app": "db"})),
        there=(other(anti_affinity=(AntiAffinity(DB, "zone"),)),),
    ),
    Case("affinity", replace(ASKS, affinity=(Affinity(DB, "zone"),))),
    Case(
        "affinity",
        replace(ASKS, affinity=(Affinity(DB, "zone", 2),)),
        there=(other(labels=labels({"app": "db"})),),
    ),
    Case(
        "spread",
        replace(ASKS, labels=labels({"app": "db"}), spread=(Spread(DB, "zone"),)),
        there=(other(labels=labels({"app": "db"})),),
        elsewhere=((full("z", "eu", "b"), other("filler")),),
    ),
    Case(
        "latency",
        replace(ASKS, talks_to=(Talk("peer", 0.05),)),
        elsewhere=((full("z", "us"), other("peer")),),
        latencies=(Latency("eu", "us", 0.08),),
    ),
    Case(
        "latency",
        ASKS,
        elsewhere=((full("z", "us"), other("peer", talks_to=(Talk("w", 0.05),))),),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_rule_keeps_a_workload_off_and_says_why(case: Case) -> None:
    decision = decide(case.snapshot(), Options(refuse_impossible=True))
    assert decision.placements == ()
    (refusal,) = decision.refusals
    verdicts = {reason.node: reason.nearest for reason in refusal.reasons}
    assert verdicts["n"].rule == case.rule
    assert not verdicts["n"].passed
    assert case.node.name in verdicts["n"].words
    assert verdicts["n"].words in refusal.words


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_without_the_rule_the_checker_finds_it_broken(case: Case) -> None:
    every = Catalogue.of()
    rules = tuple(rule for rule in every.rules if rule.name != case.rule)
    snapshot = case.snapshot()
    catalogue = Catalogue(rules, every.objectives)
    decision = decide(snapshot, Options(refuse_impossible=True), catalogue=catalogue)
    assert [placement.node for placement in decision.placements] == ["n"]
    assert broken_rules(snapshot, decision)


def test_the_first_of_a_kind_that_needs_its_own_company_is_let_in_and_the_others_follow() -> None:
    pending = [
        replace(ASKS, name=f"w{n}", labels=labels({"app": "db"}), affinity=(Affinity(DB, "node"),))
        for n in range(3)
    ]
    nodes = [replace(NODE, name="a"), replace(NODE, name="b")]
    decision = decide(Snapshot.of(nodes, pending))
    assert {placement.node for placement in decision.placements} == {"a"}


def test_spare_nodes_of_a_kind_stay_empty() -> None:
    nodes = [replace(NODE, name=name) for name in "abc"]
    pending = [replace(ASKS, name=f"w{n}", request=Resources(cpu_cores=8)) for n in range(3)]
    decision = decide(Snapshot.of(nodes, pending), Options(spare_nodes=1))
    assert [placement.node for placement in decision.placements] == ["a", "b"]
    assert decision.refusals[0].reasons[-1].nearest.rule == "headroom"


def test_a_share_goes_to_the_fullest_device_that_has_room() -> None:
    node = replace(NODE, gpus=Gpus("T4", 3))
    asked = {"w0": 500, "w1": 600, "w2": 300}
    shares = [replace(ASKS, name=name, gpu=GpuRequest(milli=m)) for name, m in asked.items()]
    decision = decide(Snapshot.of([node], shares))
    assert [placement.gpus for placement in decision.placements] == [(0,), (1,), (1,)]


def test_aligned_workloads_get_a_zone_of_their_own_choice() -> None:
    node = replace(NODE, numa=(NumaZone(4, 4), NumaZone(4, 4)))
    wide = replace(ASKS, request=Resources(cpu_cores=3), numa_aligned=True)
    decision = decide(Snapshot.of([node], [replace(wide, name="a"), replace(wide, name="b")]))
    assert [placement.numa_zone for placement in decision.placements] == [0, 1]


def test_what_others_depend_on_comes_first_and_a_refusal_is_passed_on() -> None:
    needs = replace(ASKS, name="a", depends_on=frozenset({"z"}), priority=9)
    base = replace(ASKS, name="z")
    decision = decide(Snapshot.of([NODE], [replace(ASKS, name="m"), needs, base]))
    assert [placement.workload for placement in decision.placements] == ["z", "a", "m"]
    huge = replace(base, request=Resources(cpu_cores=99))
    refused = decide(Snapshot.of([NODE], [needs, huge]), Options(refuse_impossible=True))
    assert [refusal.workload for refusal in refused.refusals] == ["z", "a"]
    assert "depends on z" in refused.refusals[1].words


def test_the_least_important_leave_for_the_more_important_and_no_more_than_needed() -> None:
    small = [other(f"s{n}", priority=n) for n in range(4)]
    node = replace(NODE, capacity=Resources(cpu_cores=4))
    asks = replace(ASKS, request=Resources(cpu_cores=2), priority=5)
    snapshot = Snapshot.of([node], [asks], placed={"n": small})
    decision = decide(snapshot, Options(preemption=True))
    assert sorted(one.workload for one in decision.evictions) == ["s0", "s1"]
    assert [one.workload for one in decision.refusals] == ["s1", "s0"]
    assert broken_rules(snapshot, decision) == []


def test_nobody_leaves_for_an_equal_or_against_its_will_or_while_others_depend_on_it() -> None:
    node = replace(NODE, capacity=Resources(cpu_cores=3))
    there = [
        other("equal", priority=5),
        other("unwilling", preemptible=False),
        other("needed"),
    ]
    waiting = other("waiting", depends_on=frozenset({"needed"}))
    asks = replace(ASKS, priority=5)
    snapshot = Snapshot.of([node], [asks, waiting], placed={"n": there})
    decision = decide(snapshot, Options(preemption=True))
    assert decision.evictions == ()
    assert {one.workload for one in decision.refusals} == {"w", "waiting"}


def test_a_node_is_emptied_within_the_budget_and_where_it_saves_more_than_it_costs() -> None:
    prices = {"a": 1.0, "b": 5.0, "c": 1.0}
    nodes = [replace(NODE, name=name, price_per_hour=p) for name, p in prices.items()]
    placed = {name: [other(f"{name}{n}") for n in range(2)] for name in "abc"}
    snapshot = Snapshot.of(nodes, placed=placed)
    decision = decide(snapshot, Options(move_budget=3, move_price=0.4))
    assert [(move.workload, move.source) for move in decision.moves] == [("b0", "b"), ("b1", "b")]
    assert [move.gain for move in decision.moves] == [2.5, 2.5]
    assert decision.nodes_used == 2
    assert decision.price_per_hour == 2.0
    assert decide(snapshot, Options(move_budget=1)).moves == ()
    assert decide(snapshot, Options(move_budget=9, move_price=3.0)).moves == ()


def test_nobody_is_spared_without_the_company_that_had_to_leave() -> None:
    kind = labels({"app": "kind"})
    friend = other("friend", affinity=(Affinity(Match(kind), "node"),))
    large = Resources(cpu_cores=6)
    company = replace(other("company", priority=1, labels=kind), request=large)
    node = replace(NODE, capacity=Resources(cpu_cores=7))
    asks = replace(ASKS, request=large, priority=5)
    snapshot = Snapshot.of([node], [asks], placed={"n": [friend, company]})
    decision = decide(snapshot, Options(preemption=True))
    assert [one.workload for one in decision.evictions] == ["friend", "company"]
    assert broken_rules(snapshot, decision) == []
    assert all(0 <= one.score <= 1 for one in decision.placements)
