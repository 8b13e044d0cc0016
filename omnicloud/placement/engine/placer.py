"""Finds the node for one workload after another, and keeps the fleet up to date."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import fields
from operator import attrgetter
from weakref import WeakValueDictionary

import numpy as np

from omnicloud.errors import ConfigurationError
from omnicloud.placement.engine.common import Common
from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.engine.ranking import InOrder, Part, Ranking, Weighted
from omnicloud.placement.engine.shape import Shape
from omnicloud.placement.engine.verifier import Verifier
from omnicloud.placement.model.decision import Placement, Reason, Refusal
from omnicloud.placement.model.options import Aim, Options
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.catalogue import Catalogue
from omnicloud.placement.rules.constraints.gpus import Devices
from omnicloud.placement.rules.constraints.headroom import Headroom
from omnicloud.placement.rules.constraints.numa import Zones
from omnicloud.placement.rules.protocol import Bools, Objective, Rule

__all__ = ["Placer"]

_INDIVIDUAL = {"name", "priority", "depends_on", "preemptible"}
_KEPT_SCORES = 1 << 25  # numbers of eight bytes, over all shapes
_KEPT_TWINS = 1 << 16
_alike = attrgetter(*(f.name for f in fields(Workload) if f.name not in _INDIVIDUAL))


class Placer:
    """Places one at a time. Not thread-safe; one owner.

    Args:
        fleet: Changed by every placement.
        options: Which aims, and how many nodes a verifier sees.
        catalogue: The constraints, all of which are kept, and the objectives.
        verifiers: Asked about the best-scored nodes; all have to agree.
    """

    def __init__(
        self,
        fleet: Fleet,
        options: Options,
        catalogue: Catalogue,
        verifiers: Iterable[Verifier] = (),
    ) -> None:
        self.fleet = fleet
        self.options = options
        self._rules = (*catalogue.rules, Headroom(options.spare_nodes))
        self._aims = tuple((_objective(catalogue, aim), aim.weight) for aim in options.aims)
        self._verifiers = tuple(verifiers)
        for verifier in self._verifiers:
            fleet.follow(verifier)
        self._shapes: dict[Hashable, Shape] = {}
        self._twins: dict[tuple[int, ...], tuple[Workload, Shape]] = {}
        self._commons: WeakValueDictionary[Hashable, Common] = WeakValueDictionary()
        self._epoch = fleet.epoch

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The constraints that are kept."""
        return self._rules

    def announce(self, workloads: Iterable[Workload]) -> None:
        """Tell rules and objectives what there is and what will come."""
        rules = [one for one in self._rules if type(one).announce is not Rule.announce]
        wishes = [one for one, _ in self._aims if type(one).announce is not Objective.announce]
        for workload in workloads:
            for rule in rules:
                rule.announce(self.fleet, workload)
            for objective in wishes:
                objective.announce(self.fleet, workload)

    def place(self, workload: Workload) -> Placement | Refusal:
        """Put a workload on the best node that passes everything."""
        shape = self.shape(workload)
        row = self._find(shape, workload, None) if self._verifiers else shape.best()
        return self._put(shape, workload, row) if row >= 0 else self.explain(workload)

    def find(self, workload: Workload, allowed: Bools | None = None) -> int:
        """The best node as things are, -1 where there is none. Changes nothing."""
        return self._find(self.shape(workload), workload, allowed)

    def _find(self, shape: Shape, workload: Workload, allowed: Bools | None) -> int:
        if not self._verifiers:
            return shape.best(allowed)
        order = shape.order(allowed)
        for start in range(0, len(order), self.options.verify_top):
            # batch by batch: full nodes may score better than the one that has room
            for row in order[start : start + self.options.verify_top]:
                if self._verified(int(row), workload):
                    return int(row)
        return -1

    def passes(self, workload: Workload, row: int) -> bool:
        """Whether that node would do, as things are."""
        return self.shape(workload).passes(row) and self._verified(row, workload)

    def refusal(self, workload: Workload, row: int) -> Verdict:
        """What the first rule or verifier says that refuses that node."""
        shape = self.shape(workload)
        if not shape.passes(row):
            return shape.refusal(row)
        return next(v for v in self._verdicts(row, workload) if not v.passed)

    def put(self, workload: Workload, row: int) -> Placement:
        """Put it there. Asks no rule."""
        shape = self.shape(workload)
        shape.refresh()  # the node may have changed since anybody asked for the best one
        return self._put(shape, workload, row)

    def _put(self, shape: Shape, workload: Workload, row: int) -> Placement:
        scores = shape.ranking.scores(row)
        score = shape.ranking.score(row, scores)
        self.fleet.add(workload, row)
        gpus: tuple[int, ...] = ()
        zone: int | None = None
        if workload.gpu is not None:
            gpus = self.fleet.book(Devices).taken(workload.name)
        if workload.numa_aligned:
            zone = self.fleet.book(Zones).taken(workload.name)
        node = self.fleet.nodes[row].name
        return Placement(workload.name, node, score, scores, gpus, zone)

    def explain(self, workload: Workload) -> Refusal:
        """Why it has no place now."""
        shape = self.shape(workload)
        reasons = list(shape.reasons())
        order = shape.order() if self._verifiers else np.zeros(0, dtype=np.intp)
        if order.size:
            row = int(order[0])
            verdict = next(v for v in self._verdicts(row, workload) if not v.passed)
            reasons.append(Reason(int(order.size), verdict, self.fleet.nodes[row].name))
        return Refusal(workload.name, _words(reasons), tuple(reasons))

    def shape(self, workload: Workload) -> Shape:
        """The shape of a workload, prepared at its first sight."""
        if self._epoch != self.fleet.epoch:
            self._forget()
        if self.fleet.named and workload.name in self.fleet.named:
            return self._shape((workload.name, *_alike(workload)), workload)
        # replicas mostly share what is in their fields; one of them is kept with the numbers of
        # its fields, so that these stay theirs
        twins = tuple(map(id, _alike(workload)))
        known = self._twins.get(twins)
        if known is not None:
            return known[1]
        found = self._shape(("", *_alike(workload)), workload)
        if len(self._twins) >= _KEPT_TWINS:
            self._twins.clear()
        self._twins[twins] = workload, found
        return found

    def _shape(self, key: Hashable, workload: Workload) -> Shape:
        found = self._shapes.get(key)
        if found is None:
            found = self._prepared(workload)
            if len(self._shapes) * len(self.fleet) > _KEPT_SCORES:
                del self._shapes[next(iter(self._shapes))]
                self._twins.clear()
            self._shapes[key] = found
        return found

    def _forget(self) -> None:
        self._shapes.clear()
        self._twins.clear()
        self._commons.clear()
        self._epoch = self.fleet.epoch

    def _prepared(self, workload: Workload) -> Shape:
        self._announce_rules(workload)
        parts = tuple(
            Part(objective.name, objective.score(self.fleet, workload), weight)
            for objective, weight in self._aims
        )
        keys = tuple(part.key for part in parts)
        kind: type[Ranking] = InOrder if self.options.lexicographic else Weighted
        return Shape(
            self.fleet,
            workload,
            self._rules,
            None if None in keys else keys,
            lambda: kind(parts, len(self.fleet)),
            self._commons,
        )

    def _announce_rules(self, workload: Workload) -> None:
        """For a workload that nobody announced: what binds others must be known before it comes."""
        for rule in self._rules:
            rule.announce(self.fleet, workload)
        if self._epoch != self.fleet.epoch:
            self._forget()

    def _verified(self, row: int, workload: Workload) -> bool:
        return all(verdict.passed for verdict in self._verdicts(row, workload))

    def _verdicts(self, row: int, workload: Workload) -> Iterable[Verdict]:
        return (verifier.fits(row, workload) for verifier in self._verifiers)


def _objective(catalogue: Catalogue, aim: Aim) -> Objective:
    found = catalogue.objectives.get(aim.objective)
    if found is None:
        known = ", ".join(sorted(catalogue.objectives))
        raise ConfigurationError(f"no objective is named {aim.objective!r}", hint=f"take {known}")
    if not (np.isfinite(aim.weight) and aim.weight > 0):
        raise ConfigurationError(
            f"the aim {aim.objective!r} has the weight {aim.weight}", hint="weights are more than 0"
        )
    return found


def _words(reasons: list[Reason]) -> str:
    if not reasons:
        return "there is no node"
    told = (f"{one.nodes} by {one.nearest.rule} ({one.nearest.words})" for one in reasons)
    return f"{sum(one.nodes for one in reasons)} nodes refused: {'; '.join(told)}"
