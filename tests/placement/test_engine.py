"""Verifiers, plugins, the bookkeeping of an engine that lives long, and replay."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from omnicloud.errors import ConfigurationError
from omnicloud.placement.engine.decide import decide
from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.engine.placer import Placer
from omnicloud.placement.model.decision import Placement
from omnicloud.placement.model.node import Gpus, Node
from omnicloud.placement.model.options import Aim, Basis, Options
from omnicloud.placement.model.resources import Resources, Schema
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import GpuRequest, Workload
from omnicloud.placement.rules.catalogue import Catalogue
from omnicloud.placement.rules.constraints.gpus import Devices
from omnicloud.placement.rules.hookspecs import hookimpl
from omnicloud.placement.rules.objectives.lifetime import Exits
from omnicloud.placement.rules.protocol import Bools, Filter, Objective, Rule, Score

NODES = [Node(name=f"n{n}", capacity=Resources(cpu_cores=4)) for n in range(8)]


def asks(name: str, cores: float = 1, **said: object) -> Workload:
    return Workload(name=name, request=Resources(cpu_cores=cores), **said)


class AtMost:
    """A verifier that lets a sum of CPU stay under a limit."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.sums = [0.0] * len(NODES)
        self.asked = 0

    def fits(self, node_index: int, workload: Workload) -> Verdict:
        self.asked += 1
        after = self.sums[node_index] + workload.request.cpu_cores
        return Verdict("at_most", after <= self.limit, f"{after:g} of {self.limit:g} cores")

    def added(self, node_index: int, workload: Workload) -> None:
        self.sums[node_index] += workload.request.cpu_cores

    def removed(self, node_index: int, workload: Workload) -> None:
        self.sums[node_index] -= workload.request.cpu_cores


def test_a_verifier_has_the_last_word_and_is_told_of_everything() -> None:
    verifier = AtMost(2)
    snapshot = Snapshot.of(NODES, [asks(f"w{n}") for n in range(20)], placed={"n3": [asks("old")]})
    decision = decide(snapshot, Options(verify_top=2), verifiers=[verifier])
    assert len(decision.placements) == 15
    assert verifier.sums == [2.0] * 8
    reason = decision.refusals[0].reasons[-1]
    assert (reason.nearest.rule, reason.nodes) == ("at_most", 8)


def test_a_verifier_is_asked_about_the_best_nodes_only() -> None:
    verifier = AtMost(4)
    decide(Snapshot.of(NODES, [asks("w")]), verifiers=[verifier])
    assert verifier.asked == 1


class OnlyEven(Rule):
    name = "even"
    fixed = True

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        return Even()


class Even(Filter):
    def passes(self, rows: Rows) -> Bools:
        return np.arange(len(NODES))[rows] % 2 == 0

    def verdict(self, row: int) -> Verdict:
        return Verdict("even", row % 2 == 0, f"{row} is odd")


class Last(Objective):
    name = "last"

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        return Number()


class Number(Score):
    bounds = None

    def raw(self, rows: Rows) -> Floats:
        return np.arange(len(NODES), dtype=np.float64)[rows] * 7 - 3


class Plugin:
    @hookimpl
    def placement_rules(self) -> Sequence[Rule]:
        return (OnlyEven(),)

    @hookimpl
    def placement_objectives(self) -> Sequence[Objective]:
        return (Last(),)


def test_a_plugin_brings_a_constraint_and_an_objective_which_the_engine_normalises() -> None:
    options = Options(aims=(Aim("last"),))
    decision = decide(Snapshot.of(NODES, [asks("w")]), options, catalogue=Catalogue.of(Plugin()))
    assert decision.placements[0].node == "n6"  # the last of those that are even
    assert decision.placements[0].score == pytest.approx(1.0)


def test_two_plugins_of_one_name_are_refused_and_so_is_an_aim_that_nobody_brings() -> None:
    with pytest.raises(ConfigurationError, match="'even' more than once"):
        Catalogue.of(Plugin(), Plugin())
    with pytest.raises(ConfigurationError, match="no objective is named 'last'; take best_fit"):
        decide(Snapshot.of(NODES), Options(aims=(Aim("last"),)))
    with pytest.raises(ConfigurationError, match="weights are more than 0"):
        decide(Snapshot.of(NODES), Options(aims=(Aim("density", 0),)))


@pytest.mark.parametrize("lexicographic", [False, True])
def test_what_is_kept_between_decisions_equals_what_a_fresh_engine_finds(
    lexicographic: bool,
) -> None:
    dice = random.Random(7)
    options = Options(
        aims=(Aim("density"), Aim("gpu_fragmentation", 2.0), Aim("best_fit")),
        lexicographic=lexicographic,
    )
    nodes = tuple(replace(node, gpus=Gpus("T4", 2)) for node in NODES)
    kinds = [asks("", 0.5), asks("", 1, gpu=GpuRequest(milli=400)), asks("", 2, gpu=GpuRequest())]
    pool = [replace(dice.choice(kinds), name=f"w{n}") for n in range(60)]
    fleet = Fleet.of(Snapshot.of(nodes, pool))
    placer = Placer(fleet, options, Catalogue.of())
    placer.announce(pool)
    for workload in pool:
        fresh = Placer(fleet, options, Catalogue.of())
        fresh.announce(pool)
        assert placer.find(workload) == fresh.find(workload)
        placer.place(workload)
        if dice.random() < 0.4 and fleet.where:
            fleet.remove(dice.choice(sorted(fleet.where)))


def test_nothing_is_left_after_everything_left() -> None:
    nodes = [replace(node, gpus=Gpus("T4", 2)) for node in NODES]
    pool = [asks(f"w{n}", 0.1 * (n % 7), gpu=GpuRequest(milli=300)) for n in range(16)]
    fleet = Fleet.of(Snapshot.of(nodes, pool))
    placer = Placer(fleet, Options(), Catalogue.of())
    assert all(isinstance(placer.place(workload), Placement) for workload in pool)
    for workload in reversed(pool):
        fleet.remove(workload.name)
    assert (fleet.free == fleet.capacity).all()
    assert (fleet.book(Devices).free == 1000).all()


def test_amounts_are_counted_in_whole_quanta_so_that_ten_tenths_are_one() -> None:
    schema = Schema.covering([Resources(cpu_cores=1)])
    tenth = schema.requested(Resources(cpu_cores=0.1))
    assert (sum([tenth] * 10) == schema.offered(Resources(cpu_cores=1))).all()
    snapshot = Snapshot.of(
        [Node(name="n", capacity=Resources(cpu_cores=1))], [asks(f"w{n}", 0.1) for n in range(11)]
    )
    assert len(decide(snapshot).placements) == 10


def test_forecasts_are_packed_where_that_is_asked() -> None:
    light = [replace(asks(f"w{n}", 2), forecast=Resources(cpu_cores=0.5)) for n in range(9)]
    snapshot = Snapshot.of(NODES[:1], light)
    assert len(decide(snapshot).placements) == 2
    assert len(decide(snapshot, Options(basis=Basis.FORECAST)).placements) == 8


def test_workloads_that_leave_together_are_put_together() -> None:
    brief, lasting = asks("b", 1, lifetime_seconds=60), asks("l", 1, lifetime_seconds=86400)
    placed = {"n1": [brief], "n5": [lasting]}
    pending = [asks("w", 1, lifetime_seconds=80_000), asks("v", 3, lifetime_seconds=50)]
    options = Options(aims=(Aim("lifetime"), Aim("density")), lexicographic=True)
    found = decide(Snapshot.of(NODES, pending, placed=placed), options).placements
    assert [placement.node for placement in found] == ["n5", "n1"]


def test_a_lifetime_can_be_predicted_again() -> None:
    fleet = Fleet.of(Snapshot.of(NODES, placed={"n1": [asks("w", 1, lifetime_seconds=60)]}))
    exits = fleet.book(Exits)
    exits.now = 50.0
    exits.expect(1, "w", 3600.0)
    assert exits.last[1] == 3650.0
    fleet.remove("w")
    assert exits.last[1] == -np.inf


def test_the_hash_of_a_snapshot_is_that_of_its_content() -> None:
    one = Snapshot.of(NODES, [asks("w")])
    assert Snapshot.of(reversed(NODES), [asks("w")]).content_hash == one.content_hash
    assert Snapshot.of(NODES, [asks("w", 2)]).content_hash != one.content_hash
    assert decide(one).snapshot_hash == one.content_hash


def test_an_empty_fleet_refuses_in_words() -> None:
    decision = decide(Snapshot.of([], [asks("w")]), Options(refuse_impossible=True))
    assert decision.refusals[0].words == "there is no node"


def test_what_a_forecast_says_nothing_of_counts_as_it_was_asked() -> None:
    node = Node(name="n", capacity=Resources(cpu_cores=8, memory_bytes=8))
    half = Resources(cpu_cores=4, memory_bytes=4)
    pending = [
        Workload(name=f"w{number}", request=half, forecast=Resources(cpu_cores=1))
        for number in range(4)
    ]
    decision = decide(Snapshot.of([node], pending), Options(basis=Basis.FORECAST))
    assert [one.workload for one in decision.placements] == ["w0", "w1"]
    assert "memory_bytes" in decision.refusals[0].words
