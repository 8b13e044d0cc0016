"""What can be wrong with nodes and the places between them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from omnicloud.placement.model.checks.amounts import check_amount, check_count, check_resources
from omnicloud.placement.model.errors import Problem
from omnicloud.placement.model.node import Node, Power
from omnicloud.placement.model.snapshot import Latency, Snapshot

__all__ = ["MOST_GPUS", "check_nodes"]

MOST_GPUS = 1024
"""Of a node: what is free of each is a column over all nodes."""


def check_nodes(snapshot: Snapshot) -> Iterator[Problem]:
    """Names, amounts, power curves, zones and latencies."""
    counts = Counter(node.name for node in snapshot.nodes)
    for name, count in sorted(counts.items()):
        if count > 1:
            yield Problem(f"node {name!r}", f"is there {count} times", "names are unique")
        if not name:
            yield Problem("a node", "has no name", "give every node a name")
    names = [node.name for node in snapshot.nodes]
    if names != sorted(names):
        yield Problem("nodes", "are not sorted by name", "make the snapshot with Snapshot.of")
    for node in snapshot.nodes:
        yield from _node(node)
    for latency in snapshot.latencies:
        yield from _latency(latency)
    yield from _contradictory(snapshot.latencies)


def _node(node: Node) -> Iterator[Problem]:
    where = f"node {node.name!r}"
    yield from check_resources(where, "its capacity", node.capacity)
    yield from check_amount(where, "its price per hour", node.price_per_hour)
    yield from check_count(where, "max_workloads", node.max_workloads)
    if node.gpus is not None:
        yield from check_count(where, "its count of GPUs", node.gpus.count, most=MOST_GPUS)
    if node.power is not None:
        yield from _power(where, node.power)
    for number, zone in enumerate(node.numa):
        yield from check_amount(where, f"CPU of NUMA zone {number}", zone.cpu_cores)
        yield from check_amount(where, f"memory of NUMA zone {number}", zone.memory_bytes)


def _power(where: str, power: Power) -> Iterator[Problem]:
    for watts in power.watts:
        yield from check_amount(where, "a point of its power curve", watts)
    if len(power.watts) < 2:
        yield Problem(where, "its power curve has fewer than two points", "give idle and full")
    yield from check_amount(where, "its gCO2e of a kWh", power.grams_per_kwh)


def _latency(latency: Latency) -> Iterator[Problem]:
    if not math.isfinite(latency.seconds) or latency.seconds < 0:
        yield Problem(
            f"latency {latency.one!r} to {latency.other!r}",
            f"is {latency.seconds} seconds",
            "leave out what nobody measured",
        )


def _contradictory(latencies: Iterable[Latency]) -> Iterator[Problem]:
    """Both directions are one."""
    known: dict[frozenset[str], float] = {}
    for one in latencies:
        before = known.setdefault(frozenset((one.one, one.other)), one.seconds)
        if before != one.seconds:
            what = f"is {before:g} seconds and {one.seconds:g} seconds"
            yield Problem(f"latency {one.one!r} to {one.other!r}", what, "give it once")
