"""Looks a placement over, whoever made it: every rule by a plain count, and what it came to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache

import numpy as np
from _kube_scores import OBJECTIVES, KubeScores

from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.engine.placer import Placer
from omnicloud.placement.model.labels import Labels, Match
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.options import Aim, Options
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.catalogue import Catalogue
from omnicloud.placement.rules.protocol import ALL

Where = Mapping[str, str]


def broken(nodes: Sequence[Node], pods: Sequence[Workload], where: Where) -> list[str]:
    """Which rules do not hold in the end, in words; shares nothing with the engine."""
    there: dict[str, list[Workload]] = defaultdict(list)
    for pod in pods:
        if pod.name in where:
            there[where[pod.name]].append(pod)
    found = [words for node in nodes for words in _of_node(node, there[node.name])]
    return [*found, *_neighbours({node.name: node for node in nodes}, pods, where)]


def _of_node(node: Node, pods: list[Workload]) -> Iterable[str]:
    for amount in ("cpu_cores", "memory_bytes"):
        used = sum(Fraction(str(getattr(pod.request, amount))) for pod in pods)
        if used > Fraction(str(getattr(node.capacity, amount))):
            yield f"{amount} of {node.name}"
    if sum(pod.gpu.count for pod in pods if pod.gpu) > (node.gpus.count if node.gpus else 0):
        yield f"GPUs of {node.name}"
    if node.max_workloads and len(pods) > node.max_workloads:
        yield f"pods of {node.name}"
    if any(count > 1 for count in Counter(p for pod in pods for p in pod.ports).values()):
        yield f"a port of {node.name}"
    for pod in pods:
        if not all(any(t.tolerates(taint) for t in pod.tolerations) for taint in node.taints):
            yield f"a taint of {node.name}"
        if not all(one.holds(dict(node.labels)) for one in pod.requirements):
            yield f"labels of {node.name}"


def _neighbours(nodes: Mapping[str, Node], pods: Sequence[Workload], where: Where) -> Iterable[str]:
    """Nobody ever leaves, so that a spread which held at each step holds in the end."""
    counts: Counter[tuple[Match, str, str]] = Counter()
    matches = {rule.match for pod in pods for rule in (*pod.anti_affinity, *pod.spread)}
    topologies = {rule.topology for pod in pods for rule in (*pod.anti_affinity, *pod.spread)}

    @cache
    def meaning(labels: Labels) -> list[Match]:
        return [one for one in matches if one.selects(labels)]

    for pod in pods:
        for match in meaning(pod.labels) if pod.name in where else ():
            for topology in topologies:
                counts[match, topology, nodes[where[pod.name]].place(topology)] += 1
    for pod in pods:
        if pod.name not in where:
            continue
        node = nodes[where[pod.name]]
        for apart in pod.anti_affinity:
            if counts[apart.match, apart.topology, node.place(apart.topology)] > 1 + apart.at_most:
                yield f"anti-affinity of {pod.name}"
        for even in pod.spread:
            places = {other.place(even.topology) for other in nodes.values()}
            least = min(counts[even.match, even.topology, place] for place in places)
            most = counts[even.match, even.topology, node.place(even.topology)]
            if most - least > even.max_skew:
                yield f"spread of {pod.name}"


def came_to(nodes: Sequence[Node], pods: Sequence[Workload], where: Where) -> dict[str, float]:
    """How many nodes are used and how full these are, who waits, and what is broken."""
    placer = placer_of(nodes, pods, Aim("density"))
    fleet = placer.fleet
    for pod in pods:
        if pod.name in where:
            fleet.add(pod, fleet.rows[where[pod.name]])
    used = fleet.counts > 0
    full = 1 - fleet.free[:2, used].sum(axis=1) / fleet.capacity[:2, used].sum(axis=1)
    waiting = [pod for pod in pods if pod.name not in where]
    return {
        "nodes_used": float(used.sum()),
        "pods_per_node": len(where) / max(1, int(used.sum())),
        "cpu_asked_of_used": float(full[0]),
        "memory_asked_of_used": float(full[1]),
        "pending": float(len(waiting)),
        "pending_with_room": float(sum(placer.find(pod) >= 0 for pod in waiting)),
        "broken_rules": float(len(broken(nodes, pods, where))),
    }


def placer_of(nodes: Sequence[Node], pods: Sequence[Workload], *aims: Aim) -> Placer:
    """The engine over empty nodes, which knows how Kubernetes scores as well."""
    fleet = Fleet.of(Snapshot.of(nodes, pods))
    placer = Placer(fleet, Options(aims=aims), Catalogue.of(KubeScores()))
    placer.announce(pods)
    return placer


class Agreement:
    """Asks of each choice of kube-scheduler whether ours of its scores would make it too.

    Attributes:
        choices: That were looked at.
        best: Of these, on a node with the highest score; it draws among equals.
        alone: Of these, where one node only had it.
    """

    def __init__(self, nodes: Sequence[Node], pods: Sequence[Workload], aim: str) -> None:
        self._placer = placer_of(nodes, pods, Aim(aim))
        self._objective = next(one for one in OBJECTIVES if one.name == aim)
        self.choices = self.best = self.alone = 0

    def look(self, pod: Workload, node: str, opened: int | None = None) -> bool:
        """Take the next choice, made among the first so many nodes by name."""
        placer = self._placer
        row = placer.fleet.rows[node]
        allowed = None if opened is None else np.arange(len(placer.fleet)) < opened
        passing = placer.shape(pod).order(allowed)
        scores = self._objective.score(placer.fleet, pod).raw(ALL)
        first = passing[scores[passing] == scores[passing].max()] if passing.size else passing
        agreed = row in first
        self.choices += 1
        self.best += agreed
        self.alone += agreed and first.size == 1
        placer.put(pod, row)
        return bool(agreed)

    def full(self, pod: Workload, opened: int) -> bool:
        """Whether the first so many nodes refuse the pod."""
        allowed = np.arange(len(self._placer.fleet)) < opened
        return self._placer.find(pod, allowed) < 0

    def figures(self) -> dict[str, float]:
        return {
            "choices_with_the_highest_score": self.best / max(1, self.choices),
            "of_these_the_only_one": self.alone / max(1, self.choices),
        }
