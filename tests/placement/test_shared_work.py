"""Quick ways say what the plain ones say, and what shapes share is what each would find alone."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from placement_worlds import nodes, options, snapshot_of, workloads

from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.engine.placer import Placer
from omnicloud.placement.model.checks import check
from omnicloud.placement.model.labels import Match, labels
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.options import Options
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import AntiAffinity, Spread, Workload
from omnicloud.placement.rules.catalogue import Catalogue
from omnicloud.placement.rules.protocol import ALL

SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much)
drawn = settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
THEMES = ("anti_affinity", "spread", "gpu", "numa", "ports", "talks_to")


def followed(placer: Placer, pool: list[Workload], dice: random.Random) -> None:
    """Place some, take some off again."""
    for workload in pool:
        placer.place(workload)
        if dice.random() < 0.3 and placer.fleet.where:
            placer.fleet.remove(dice.choice(sorted(placer.fleet.where)))


@drawn
@given(nodes(), st.sampled_from(THEMES).flatmap(lambda t: workloads(theme=t)), st.integers(0, 99))
def test_one_node_is_answered_as_a_column_of_them_is(
    found: list[Node], pool: list[Workload], seed: int
) -> None:
    snapshot = snapshot_of(found, pool)
    assume(not check(snapshot))
    fleet = Fleet.of(snapshot)
    catalogue = Catalogue.of()
    placer = Placer(fleet, Options(spare_nodes=1), catalogue)
    placer.announce(pool)
    kept = [(w, rule.filter(fleet, w, np.ones(len(fleet), bool)))
            for w in pool for rule in placer.rules]  # fmt: skip
    for one in (filter_ for _, filter_ in kept if filter_):
        one.limits()  # what is kept from here on has to follow
    followed(placer, pool, random.Random(seed))
    for one in (filter_ for _, filter_ in kept if filter_):
        plain = one.passes(ALL).tolist()
        assert [one.admits(row) for row in range(len(fleet))] == plain
        assert [limit > 0 for limit in one.limits()] == plain
        assert [one.verdict(row).passed for row in range(len(fleet))] == plain
    for workload in pool:
        for objective in catalogue.objectives.values():
            score = objective.score(fleet, workload)
            if score:
                assert [score.one(row) for row in range(len(fleet))] == score.raw(ALL).tolist()


@drawn
@given(nodes(), st.sampled_from(THEMES).flatmap(lambda t: workloads(theme=t)), options(),
       st.integers(0, 99))  # fmt: skip
def test_an_engine_that_has_seen_much_finds_what_a_fresh_one_finds(
    found: list[Node], pool: list[Workload], asked: Options, seed: int
) -> None:
    snapshot = snapshot_of(found, pool)
    assume(not check(snapshot))
    fleet, dice = Fleet.of(snapshot), random.Random(seed)
    placer = Placer(fleet, asked, Catalogue.of())
    placer.announce(pool)
    for number in range(3):
        again = [replace(w, name=f"{w.name}-{number}", depends_on=frozenset()) for w in pool]
        followed(placer, again, dice)
        for workload in pool:
            fresh = Placer(fleet, asked, Catalogue.of())
            fresh.announce(pool)
            assert placer.find(workload) == fresh.find(workload)


def test_a_long_history_is_caught_up_with_and_domains_without_number_are_kept_apart() -> None:
    capacity = Resources(cpu_cores=64)
    fleet_nodes = [Node(name=f"n{n:03}", capacity=capacity, zone=f"z{n % 3}") for n in range(120)]
    apps = [Match(labels({"app": f"a{n}"})) for n in range(6)]
    pods = [
        Workload(
            name=f"w{number}",
            request=Resources(cpu_cores=0.1 + number % 2),
            labels=app.wanted,
            anti_affinity=(AntiAffinity(app, "node", number % 3),),
            spread=(Spread(app, "zone", 2),),
        )
        for number in range(900)
        for app in [apps[0] if number < 600 else apps[number % 6]]
    ]
    fleet = Fleet.of(Snapshot.of(fleet_nodes, pods))
    placer = Placer(fleet, Options(), Catalogue.of())
    placer.announce(pods)
    seldom = replace(pods[-1], name="seldom")
    for number, pod in enumerate(pods):
        placer.place(pod)
        if number % 7 == 0:
            fleet.remove(random.Random(number).choice(sorted(fleet.where)))
        if number % 290 == 0:
            fresh = Placer(fleet, Options(), Catalogue.of())
            assert placer.find(seldom) == fresh.find(seldom)
