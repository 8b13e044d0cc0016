"""What one shape of workload asks of nodes and of neighbours."""

from __future__ import annotations

from collections.abc import Callable, Hashable, MutableMapping

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.common import Common
from omnicloud.placement.engine.fleet import Fleet, Floats
from omnicloud.placement.engine.ranking import Ranking
from omnicloud.placement.model.decision import Reason
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.protocol import ALL, Bools, Filter, Rule, Scope

__all__ = ["Commons", "Shape"]

Commons = MutableMapping[Hashable, Common]


class Shape:
    """The filters and the ranking of workloads that are alike in all but the name.

    Args:
        fleet: Whose nodes.
        workload: One of the shape.
        rules: All there are.
        key: What its ranking depends on beside the filters; ``None`` where that is its own.
        ranking: Makes one; called where no other shape asks the same of a node.
        commons: Those of other shapes.
    """

    def __init__(
        self,
        fleet: Fleet,
        workload: Workload,
        rules: tuple[Rule, ...],
        key: Hashable,
        ranking: Callable[[], Ranking],
        commons: Commons,
    ) -> None:
        self._fleet = fleet
        self._filters: list[tuple[str, Filter]] = []
        eligible: Bools = np.ones(len(fleet), dtype=np.bool_)
        for rule in sorted(rules, key=lambda one: not one.fixed):
            self._admit(rule, workload, eligible)
        self._shared = [one for _, one in self._filters if one.scope is Scope.SHARED]
        own = [(name, one) for name, one in self._filters if one.scope is not Scope.SHARED]
        alone = key is None or any(one.key is None for _, one in own)
        shared_key = None if alone else (key, *((name, one.key) for name, one in own))
        found = None if alone else commons.get(shared_key)
        if found is None:
            local = tuple(one for _, one in own if one.scope is Scope.LOCAL)
            found = Common(fleet, eligible, local, ranking())
        if not alone:
            commons[shared_key] = found
        self._fixed = [pair for pair in self._filters if pair[1].scope is Scope.FIXED]
        self._barred: tuple[Reason, ...] | None = None
        self._explained: tuple[int, tuple[Reason, ...]] = (-1, ())
        self._common = found
        self.ranking = found.ranking
        self.eligible = found.eligible

    def _admit(self, rule: Rule, workload: Workload, eligible: Bools) -> None:
        found = rule.filter(self._fleet, workload, eligible)
        if found is not None:
            self._filters.append((rule.name, found))
            if found.scope is Scope.FIXED:
                eligible &= found.passes(ALL)

    def refresh(self) -> None:
        """Bring the ranking up to date."""
        self._common.refresh()

    def best(self, allowed: Bools | None = None) -> int:
        """The best node that passes everything, -1 where there is none."""
        self._common.refresh()
        if allowed is None and not self.ranking.relative:
            row = self.ranking.best(None)  # mostly nobody minds it: then nothing else is asked
            if row < 0 or self._nobody_minds(row):
                return row
        return self.ranking.best(self._limits(allowed))

    def order(self, allowed: Bools | None = None) -> NDArray[np.intp]:
        """All nodes that pass, best first."""
        self._common.refresh()
        return self.ranking.order(self._limits(allowed))

    def passes(self, row: int) -> bool:
        """Whether one node passes everything as things are."""
        return self._common.admits(row) and self._nobody_minds(row)

    def refusal(self, row: int) -> Verdict:
        """What the first rule says that refuses this node."""
        return next(one.verdict(row) for _, one in self._filters if not one.admits(row))

    def reasons(self) -> tuple[Reason, ...]:
        """Why nodes are refused: each counts for the first rule that refuses it."""
        generation = self._fleet.generation
        if self._explained[0] != generation:  # else a replica asked just now
            if self._barred is None:
                self._barred = self._refused_by(self._fixed, np.arange(len(self._fleet)))
            others = [pair for pair in self._filters if pair[1].scope is not Scope.FIXED]
            rest = self._refused_by(others, np.flatnonzero(self.eligible))
            self._explained = generation, (*self._barred, *rest)
        return self._explained[1]

    def _refused_by(
        self, filters: list[tuple[str, Filter]], left: NDArray[np.intp]
    ) -> tuple[Reason, ...]:
        found: list[Reason] = []
        for _, one in filters:
            good = one.passes(left)
            refused = left[~good]
            if refused.size:
                nearest = one.nearest(refused)
                node = self._fleet.nodes[nearest].name
                found.append(Reason(int(refused.size), one.verdict(nearest), node))
                left = left[good]
        return tuple(found)

    def _nobody_minds(self, row: int) -> bool:
        for one in self._shared:  # noqa: SIM110 - asked so often that a generator would be felt
            if not one.admits(row):
                return False
        return True

    def _limits(self, allowed: Bools | None) -> Floats | None:
        """Infinity where neighbours and the caller let it be, its negative elsewhere."""
        limits = None if allowed is None else np.where(allowed, np.inf, -np.inf)
        for one in self._shared:
            found = one.limits()
            limits = found if limits is None else np.minimum(limits, found)
        return limits
