"""Checks a decision rule by rule, slowly, by replaying it; shares nothing with the engine."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

from omnicloud.placement.model.decision import Decision
from omnicloud.placement.model.node import Node, Terms
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import Workload


def broken_rules(snapshot: Snapshot, decision: Decision) -> list[str]:
    """What a decision breaks, in words; empty where it breaks nothing."""
    return World(snapshot, decision.options.spare_nodes).replay(decision)


class World:
    def __init__(self, snapshot: Snapshot, spare: int = 0) -> None:
        self.nodes = {node.name: node for node in snapshot.nodes}
        self.known = {workload.name: workload for workload in snapshot.workloads()}
        self.at = {one.workload.name: one.node for one in snapshot.placed}
        self.latencies = snapshot.latencies
        self.spare = spare
        self.devices = {one.workload.name: one.gpus for one in snapshot.placed}
        self.zones = {one.workload.name: one.numa_zone for one in snapshot.placed}
        self.moved: set[str] = set()
        self.broken: list[str] = []

    def replay(self, decision: Decision) -> list[str]:
        pending = set(self.known) - set(self.at)
        settled = [p.workload for p in decision.placements]
        settled += [r.workload for r in decision.refusals]
        evicted = {one.workload for one in decision.evictions}
        if sorted(settled) != sorted(pending | evicted):
            self.broken.append("not everybody was answered once")
        for placement in decision.placements:
            for eviction in decision.evictions:
                if eviction.by == placement.workload:
                    self.evict(eviction.workload, eviction.node, placement.workload)
            self.come(placement.workload, placement.node)
            self.devices[placement.workload] = placement.gpus
            self.zones[placement.workload] = placement.numa_zone
        for move in decision.moves:
            if self.at.pop(move.workload) != move.source:
                self.broken.append(f"{move.workload} was not on {move.source}")
            self.come(move.workload, move.target)
            self.devices[move.workload] = ()
            self.moved.add(self.nodes[move.target].name)
        self.everywhere()
        return self.broken

    def evict(self, name: str, node: str, by: str) -> None:
        if self.at.pop(name, None) != node:
            self.broken.append(f"{name} was not on {node}")
        victim = self.known[name]
        if victim.priority >= self.known[by].priority or not victim.preemptible:
            self.broken.append(f"{name} had to leave for {by}")
        if any(name in self.known[other].depends_on for other in self.at):
            self.broken.append(f"{name} left though others depend on it")

    def come(self, name: str, where: str) -> None:
        workload, node = self.known[name], self.nodes[where]
        bad = [
            words
            for words in (
                self.fixed(workload, node),
                self.neighbours(workload, node),
                self.spread(workload, node),
                self.reach(workload, node),
                self.spares(node),
            )
            if words
        ]
        self.broken += [f"{name} on {where}: {words}" for words in bad]
        missing = workload.depends_on - set(self.at)
        if missing:
            self.broken.append(f"{name} came before {missing}")
        self.at[name] = where

    def on(self, node: str) -> list[Workload]:
        return [self.known[name] for name, where in self.at.items() if where == node]

    def fixed(self, w: Workload, node: Node) -> str:
        labels = dict(node.labels)
        for taint in node.taints:
            if not any(
                t.key == taint.key and t.value in (None, taint.value) for t in w.tolerations
            ):
                return "taint"
        for r in w.requirements:
            value = labels.get(r.key)
            right = {
                "in": value in r.values,
                "not_in": value not in r.values,
                "exists": value is not None,
                "absent": value is None,
            }[r.operator.value]
            if not right:
                return "requirement"
        if node.terms is Terms.SPOT and not w.interruptible:
            return "spot"
        if w.architectures and node.architecture not in w.architectures:
            return "architecture"
        if not w.cpu_features <= node.cpu_features:
            return "features"
        if w.gpu and w.gpu.models and (not node.gpus or node.gpus.model not in w.gpu.models):
            return "gpu model"
        if w.residency and not w.residency & {node.region, node.jurisdiction}:
            return "residency"
        return ""

    def same(self, one: Node, other: Node, topology: str) -> bool:
        def domain(node: Node) -> tuple[str, ...]:
            if topology == "node":
                return (node.name,)
            if topology == "region":
                return (node.region,)
            if topology == "zone":
                return (node.region, node.zone) if node.zone else ("",)
            if topology == "rack":
                return (node.region, node.zone, node.rack) if node.rack else ("",)
            return (dict(node.labels).get(topology, ""),)

        return domain(one) == domain(other) and domain(one)[-1] != ""

    def selected(self, match: object, node: Node, topology: str, besides: str) -> int:
        return sum(
            1
            for name, where in self.at.items()
            if name != besides
            and set(match.wanted) <= set(self.known[name].labels)
            and self.same(self.nodes[where], node, topology)
        )

    def neighbours(self, w: Workload, node: Node) -> str:
        for near in w.affinity:
            own = set(near.match.wanted) <= set(w.labels)
            anywhere = sum(set(near.match.wanted) <= set(self.known[n].labels) for n in self.at)
            wanted = min(near.at_least, anywhere) if own else near.at_least
            if not self.same(node, node, near.topology):
                return "affinity without a domain"
            if self.selected(near.match, node, near.topology, w.name) < wanted:
                return "affinity"
        return ""

    def spread(self, w: Workload, node: Node) -> str:
        for s in w.spread:
            own = int(set(s.match.wanted) <= set(w.labels))
            usable = [n for n in self.nodes.values() if not self.fixed(w, n) and self.gpus(w, n)]
            usable = [n for n in usable if self.same(n, n, s.topology)]
            if not self.same(node, node, s.topology):
                return "spread without a domain"
            least = min(self.selected(s.match, n, s.topology, w.name) for n in usable)
            if self.selected(s.match, node, s.topology, w.name) + own - least > s.max_skew:
                return "spread"
        return ""

    def gpus(self, w: Workload, node: Node) -> bool:
        return not w.gpu or bool(node.gpus and node.gpus.count >= w.gpu.count)

    def seconds(self, one: Node, other: Node) -> float:
        pairs = {frozenset((found.one, found.other)): found.seconds for found in self.latencies}
        zones = frozenset(f"{n.region}/{n.zone}" for n in (one, other))
        regions = frozenset(n.region for n in (one, other))
        default = 0.0 if one.region == other.region else float("inf")
        return pairs.get(zones, pairs.get(regions, default))

    def reach(self, w: Workload, node: Node) -> str:
        for name, where in self.at.items():
            other = self.known[name]
            bounds = [t.at_most_seconds for t in w.talks_to if t.to == name]
            bounds += [t.at_most_seconds for t in other.talks_to if t.to == w.name]
            if bounds and self.seconds(node, self.nodes[where]) > min(bounds):
                return f"too far from {name}"
        return ""

    def spares(self, node: Node) -> str:
        def kind(n: Node) -> tuple[object, ...]:
            return (n.capacity, n.labels, n.taints, n.region, n.zone, n.jurisdiction, n.gpus,
                    n.architecture, n.cpu_features, n.numa, n.max_workloads, n.terms)  # fmt: skip

        if not self.spare or self.on(node.name):
            return ""
        empty = [n for n in self.nodes.values() if kind(n) == kind(node) and not self.on(n.name)]
        return "spare" if len(empty) <= self.spare else ""

    def everywhere(self) -> None:
        """What has to hold at the end, on every node."""
        for node in self.nodes.values():
            there = self.on(node.name)
            for words in (
                self.amounts(node, there),
                self.ports(there),
                self.shares(node, there),
                self.numa(node, there),
            ):
                if words:
                    self.broken.append(f"{node.name}: {words}")
            for w in there:
                for near in w.affinity:
                    if set(near.match.wanted) <= set(w.labels):
                        continue  # the first of its kind is let in, and comes before others
                    if self.selected(near.match, node, near.topology, w.name) < near.at_least:
                        self.broken.append(f"{w.name} on {node.name}: its company is gone")
                for apart in w.anti_affinity:
                    if not self.same(node, node, apart.topology):
                        continue
                    if self.selected(apart.match, node, apart.topology, w.name) > apart.at_most:
                        self.broken.append(f"{w.name} on {node.name}: anti-affinity")

    def amounts(self, node: Node, there: list[Workload]) -> str:
        used: dict[str, Fraction] = defaultdict(Fraction)
        for w in there:
            for name, amount in w.request.amounts().items():
                used[name] += Fraction(str(amount))
        has = node.capacity.amounts()
        for name, amount in used.items():
            if amount > Fraction(str(has.get(name, 0))):
                return f"{name} is overfilled"
        if node.max_workloads and len(there) > node.max_workloads:
            return "too many workloads"
        return ""

    def numa(self, node: Node, there: list[Workload]) -> str:
        aligned = [w for w in there if w.numa_aligned]
        if not node.numa or node.name in self.moved:
            return ""
        for number, zone in enumerate(node.numa):
            inside = [w.request for w in aligned if self.zones.get(w.name) == number]
            cpu = sum(Fraction(str(one.cpu_cores)) for one in inside)
            if cpu > Fraction(str(zone.cpu_cores)):
                return f"zone {number} is overfilled"
            if sum(one.memory_bytes for one in inside) > zone.memory_bytes:
                return f"memory of zone {number} is overfilled"
        return ""

    def ports(self, there: list[Workload]) -> str:
        taken = [port for w in there for port in w.ports]
        return "a port is taken twice" if len(taken) != len(set(taken)) else ""

    def shares(self, node: Node, there: list[Workload]) -> str:
        used: dict[int, int] = defaultdict(int)
        unknown = [w for w in there if w.gpu and not self.devices.get(w.name)]
        for w in there:
            for device in self.devices.get(w.name, ()) if w.gpu else ():
                used[device] += w.gpu.milli
            if w.gpu and self.devices.get(w.name) and len(self.devices[w.name]) != w.gpu.count:
                return f"{w.name} has another number of devices"
        count = node.gpus.count if node.gpus else 0
        if any(share > 1000 or device >= count for device, share in used.items()):
            return "a GPU is overfilled"
        total = sum(used.values()) + sum(w.gpu.count * w.gpu.milli for w in unknown)
        return "GPUs are overfilled" if total > 1000 * count else ""
