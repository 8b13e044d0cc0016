"""A made-up cluster for speed: kinds of nodes and deployments as large fleets have them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from omnicloud.placement.model.labels import (
    Match,
    Operator,
    Requirement,
    Taint,
    Toleration,
    labels,
)
from omnicloud.placement.model.node import Gpus, Node
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.workload import AntiAffinity, GpuRequest, Spread, Workload

GIB = 2**30
NODES = ((96, 384, 8), (104, 512, 2), (32, 256, 0), (16, 120, 2), (96, 512, 0), (64, 256, 0))
PODS = ((4, 8, 0), (2, 4, 0), (1, 2, 0), (8, 32, 0), (0.5, 1, 0), (8, 16, 500), (4, 16, 1000))


@dataclass(frozen=True)
class Asked:
    """How many there are, and which rules they have."""

    nodes: int
    pods: int
    rules: bool
    replicas: int = 50


def nodes(asked: Asked, seed: int) -> list[Node]:
    dice = random.Random(seed)
    return [_node(number, *dice.choice(NODES)) for number in range(asked.nodes)]


def _node(number: int, cores: int, gib: int, gpus: int) -> Node:
    return Node(
        name=f"node-{number:05}",
        capacity=Resources(cpu_cores=cores, memory_bytes=gib * GIB),
        labels=labels({"disk": "hdd" if number % 3 == 0 else "ssd"}),
        taints=frozenset({Taint("spot")}) if number % 10 == 0 else frozenset(),
        region="here",
        zone=f"z{number % 5}",
        gpus=Gpus("T4", gpus) if gpus else None,
    )


def pods(asked: Asked, seed: int, *, shuffled: bool) -> list[Workload]:
    """Deployments of equal pods, one after the other or mixed."""
    dice = random.Random(seed + 1)
    found: list[Workload] = []
    for number in range(asked.pods // asked.replicas):
        pod = _pod(number, dice, asked.rules)
        found += [replace(pod, name=f"pod-{number:05}-{n}") for n in range(asked.replicas)]
    if shuffled:
        dice.shuffle(found)
    return found


def _pod(number: int, dice: random.Random, rules: bool) -> Workload:
    cores, gib, milli = dice.choice(PODS)
    pod = Workload(
        name="",
        request=Resources(cpu_cores=cores, memory_bytes=gib * GIB),
        gpu=GpuRequest(milli=milli) if milli else None,
    )
    if not rules:
        return pod
    own = Match(labels({"app": f"app-{number}"}))
    pod = replace(pod, labels=own.wanted)
    kind = number % 10
    if kind < 3:
        pod = replace(pod, anti_affinity=(AntiAffinity(own, "node", 1),))
    if kind in {2, 3}:
        pod = replace(pod, spread=(Spread(own, "zone", 5),))
    if kind == 4:
        ssd = Requirement("disk", Operator.IN, frozenset({"ssd"}))
        pod = replace(pod, requirements=(ssd,))
    if kind == 5:
        pod = replace(pod, tolerations=frozenset({Toleration("spot")}))
    return replace(pod, ports=frozenset({8000 + number % 50})) if number % 50 == 7 else pod
