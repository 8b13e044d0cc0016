"""What one shape of workload asks, prepared for all nodes and kept up to date."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.fleet import Fleet, Rows
from omnicloud.placement.engine.ranking import Ranking
from omnicloud.placement.model.decision import Reason
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.protocol import ALL, Bools, Filter, Rule, Scope

__all__ = ["Shape"]

_FEW = 16
_ALL_AT_ONCE = 8
"""Where more than one node in so many changed, all of them are scored again."""


class Shape:
    """The filters and the ranking of workloads that are alike in all but the name.

    What depends on a node alone is kept; before each use it is brought up to date for the nodes
    that changed since, so that a decision costs little more than finding the greatest number.
    """

    def __init__(
        self, fleet: Fleet, workload: Workload, rules: tuple[Rule, ...], ranking: Ranking
    ) -> None:
        self._fleet = fleet
        self.ranking = ranking
        self.eligible: Bools = np.ones(len(fleet), dtype=np.bool_)
        self._filters: list[tuple[str, Filter]] = []
        for rule in sorted(rules, key=lambda one: not one.fixed):
            self._admit(rule, workload)
        found = [one for _, one in self._filters]
        self._local = [one for one in found if one.scope is Scope.LOCAL]
        self._shared = [one for one in found if one.scope is Scope.SHARED]
        self._seen = -1

    def _admit(self, rule: Rule, workload: Workload) -> None:
        found = rule.filter(self._fleet, workload, self.eligible)
        if found is not None:
            self._filters.append((rule.name, found))
            if found.scope is Scope.FIXED:
                self.eligible &= found.passes(ALL)

    def best(self, allowed: Bools | None = None) -> int:
        """The best node that passes everything, -1 where there is none."""
        self._refresh()
        return self.ranking.best(self._now(allowed))

    def order(self, allowed: Bools | None = None) -> NDArray[np.intp]:
        """All nodes that pass, best first."""
        self._refresh()
        return self.ranking.order(self._now(allowed))

    def passes(self, row: int) -> bool:
        """Whether one node passes everything as things are."""
        if not self.eligible[row]:
            return False
        rows = slice(row, row + 1)
        return all(bool(one.passes(rows)[0]) for one in (*self._local, *self._shared))

    def refusal(self, row: int) -> Verdict:
        """What the first rule says that refuses this node."""
        rows = slice(row, row + 1)
        return next(one.verdict(row) for _, one in self._filters if not one.passes(rows)[0])

    def reasons(self) -> tuple[Reason, ...]:
        """Why nodes are refused: each counts for the first rule that refuses it."""
        left = np.arange(len(self._fleet))
        found: list[Reason] = []
        for _, one in self._filters:
            good = one.passes(left)
            refused = left[~good]
            if refused.size:
                nearest = one.nearest(refused)
                node = self._fleet.nodes[nearest].name
                found.append(Reason(int(refused.size), one.verdict(nearest), node))
            left = left[good]
        return tuple(found)

    def _now(self, allowed: Bools | None) -> Bools | None:
        for one in self._shared:
            good = one.passes(ALL)
            allowed = good if allowed is None else allowed & good
        return allowed

    def _refresh(self) -> None:
        generation = self._fleet.generation
        if generation == self._seen:
            return
        changed = self._fleet.changed_since(max(self._seen, 0))
        self._seen, first = generation, self._seen < 0
        if first or changed.size * _ALL_AT_ONCE > len(self._fleet):
            self._judge(ALL, self.eligible.copy())
            return
        if changed.size > _FEW:
            changed = np.unique(changed)  # the latest nodes tend to be the same few
        rows = changed[self.eligible[changed]]  # the others are refused for good
        if rows.size:
            self._judge(rows, None)

    def _judge(self, rows: Rows, good: Bools | None) -> None:
        for one in self._local:
            passed = one.passes(rows)
            good = passed if good is None else np.logical_and(good, passed, out=good)
        if good is None:
            good = self.eligible[rows]
        self.ranking.refresh(rows, good)
