"""What can be wrong with nodes and the places between them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from omnicloud.placement.model.checks.amounts import check_amount, check_resources
from omnicloud.placement.model.errors import Problem
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.snapshot import Latency, Snapshot

__all__ = ["check_nodes"]


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


def _node(node: Node) -> Iterator[Problem]:
    where = f"node {node.name!r}"
    yield from check_resources(where, "its capacity", node.capacity)
    yield from check_amount(where, "its price per hour", node.price_per_hour)
    yield from check_amount(where, "max_workloads", node.max_workloads)
    if node.gpus is not None:
        yield from check_amount(where, "its count of GPUs", node.gpus.count)
    for watts in node.power.watts if node.power else ():
        yield from check_amount(where, "a point of its power curve", watts)
    if node.power and len(node.power.watts) < 2:
        yield Problem(where, "its power curve has fewer than two points", "give idle and full")
    for number, zone in enumerate(node.numa):
        yield from check_amount(where, f"CPU of NUMA zone {number}", zone.cpu_cores)
        yield from check_amount(where, f"memory of NUMA zone {number}", zone.memory_bytes)


def _latency(latency: Latency) -> Iterator[Problem]:
    if not math.isfinite(latency.seconds) or latency.seconds < 0:
        yield Problem(
            f"latency {latency.one!r} to {latency.other!r}",
            f"is {latency.seconds} seconds",
            "leave out what nobody measured",
        )
