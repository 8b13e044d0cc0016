"""Draws fleets and workloads, small enough that the slow checker is quick."""

from __future__ import annotations

from hypothesis import strategies as st

from omnicloud.placement.model.labels import (
    Match,
    Operator,
    Requirement,
    Taint,
    Toleration,
    labels,
)
from omnicloud.placement.model.node import Gpus, Node, NumaZone, Power, Terms
from omnicloud.placement.model.options import Aim, Options
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

GIB = 2**30
APPS = ("web", "db", "job")
TOPOLOGIES = ("node", "rack", "zone", "region", "disk")
AIMS = (
    "density",
    "spread",
    "best_fit",
    "cost",
    "energy",
    "gpu_fragmentation",
    "gpu_packing",
    "gpu_room",
    "lifetime",
    "stay",
    "closeness",
)

THEMES = (
    "taints", "terms", "requirements", "hardware", "gpu", "numa", "ports", "affinity",
    "anti_affinity", "spread", "depends_on", "residency", "talks_to", "licence", "crowd",
    "priority",
)  # fmt: skip
matches = st.sampled_from([Match(labels({"app": app})) for app in APPS] + [Match()])
topologies = st.sampled_from(TOPOLOGIES)
often = st.integers(0, 3).map(bool)
gpu_requests = st.one_of(
    st.builds(GpuRequest, milli=st.sampled_from([300, 500])),
    st.builds(GpuRequest, st.integers(1, 2)),
    st.just(GpuRequest(1, 1000, frozenset({"T4"}))),
)
requirements = st.builds(
    Requirement,
    key=st.just("disk"),
    operator=st.sampled_from([Operator.IN, Operator.NOT_IN, Operator.EXISTS]),
    values=st.just(frozenset({"ssd"})),
)


@st.composite
def nodes(draw: st.DrawFn, most: int = 6) -> list[Node]:
    return [draw(_node(number)) for number in range(draw(st.integers(2, most)))]


@st.composite
def _node(draw: st.DrawFn, number: int) -> Node:
    return Node(
        name=f"n{number}",
        capacity=Resources(
            cpu_cores=draw(st.sampled_from([2.0, 1.0, 4.0])),
            memory_bytes=draw(st.sampled_from([4, 2, 8])) * GIB,
            extra=draw(st.sampled_from([(("licence", 2.0),), ()])),
        ),
        labels=draw(st.sampled_from([labels({"disk": "ssd"}), labels({"disk": "hdd"}), ()])),
        taints=frozenset({Taint("gpu")}) if number == 1 else frozenset(),
        region=draw(st.sampled_from(["eu", "us"])),
        zone=draw(st.sampled_from(["a", "b", ""])),
        rack=draw(st.sampled_from(["1", "2"])),
        jurisdiction=draw(st.sampled_from(["", "gdpr"])),
        architecture=draw(st.sampled_from(["x86_64", "arm64"])),
        gpus=Gpus(draw(st.sampled_from(["T4", "V100"])), 2) if draw(often) else None,
        numa=(NumaZone(0.5, GIB), NumaZone(0.5, GIB)) if draw(st.booleans()) else (),
        max_workloads=0 if draw(often) else 3,
        price_per_hour=draw(st.sampled_from([0.5, 1.0])),
        terms=draw(st.sampled_from([Terms.ON_DEMAND, Terms.ON_DEMAND, *Terms])),
        power=Power((50.0, 80.0, 100.0), draw(st.sampled_from([100.0, 400.0]))),
    )


@st.composite
def workloads(draw: st.DrawFn, most: int = 12, theme: str = "crowd") -> list[Workload]:
    """Workloads with rules of a few kinds: with all kinds at once nothing would fit."""
    themes = draw(st.sets(st.sampled_from(THEMES), max_size=3)) | {theme}
    count = draw(st.integers(1, most))
    return [draw(_workload(number, frozenset(themes))) for number in range(count)]


@st.composite
def _workload(draw: st.DrawFn, number: int, themes: frozenset[str]) -> Workload:
    earlier = st.integers(0, number - 1).map(lambda n: f"w{n}") if number else st.nothing()
    drawn = {
        "tolerations": ("taints", st.just(frozenset({Toleration("gpu")}))),
        "requirements": ("requirements", st.tuples(requirements)),
        "interruptible": ("terms", st.just(True)),
        "architectures": ("hardware", st.just(frozenset({"arm64"}))),
        "gpu": ("gpu", gpu_requests),
        "numa_aligned": ("numa", st.just(True)),
        "ports": ("ports", st.sampled_from([frozenset({80}), frozenset({80, 443})])),
        "affinity": (
            "affinity",
            st.tuples(st.builds(Affinity, matches, topologies, st.integers(1, 2))),
        ),
        "anti_affinity": (
            "anti_affinity",
            st.tuples(st.builds(AntiAffinity, matches, topologies, st.integers(0, 2))),
        ),
        "spread": ("spread", st.tuples(st.builds(Spread, matches, topologies, st.integers(1, 2)))),
        "residency": (
            "residency",
            st.sampled_from([frozenset({"eu"}), frozenset({"gdpr", "us"})]),
        ),
        "priority": ("priority", st.integers(1, 3)),
    }
    if number:
        drawn["depends_on"] = ("depends_on", st.frozensets(earlier, min_size=1, max_size=2))
        drawn["talks_to"] = (
            "talks_to",
            st.tuples(st.builds(Talk, earlier, st.sampled_from([0.01, 0.2]))),
        )
    said = {
        field: draw(strategy)
        for field, (theme, strategy) in drawn.items()
        if theme in themes and draw(often)
    }
    return Workload(
        name=f"w{number}",
        request=Resources(
            cpu_cores=draw(st.sampled_from([0.5, 0.1, 0.3, 1.0, 2.0])),
            memory_bytes=draw(st.sampled_from([0, GIB, 2 * GIB])),
            extra=(("licence", 1.0),) if "licence" in themes else (),
        ),
        labels=labels({"app": draw(st.sampled_from(APPS))}),
        lifetime_seconds=draw(st.sampled_from([None, 60.0, 3600.0])),
        preemptible=draw(often),
        **said,
    )


@st.composite
def options(draw: st.DrawFn) -> Options:
    aims = draw(st.lists(st.sampled_from(AIMS), min_size=1, max_size=3, unique=True))
    return Options(
        aims=tuple(Aim(name, draw(st.sampled_from([1.0, 0.3]))) for name in aims),
        lexicographic=draw(st.booleans()),
        preemption=draw(st.booleans()),
        move_budget=draw(st.sampled_from([0, 6])),
        spare_nodes=0 if draw(often) else 1,
        refuse_impossible=True,
    )


def snapshot_of(found: list[Node], pending: list[Workload]) -> Snapshot:
    return Snapshot.of(found, pending, latencies=[Latency("eu", "us", 0.08)])
