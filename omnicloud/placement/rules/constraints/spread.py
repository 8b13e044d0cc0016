"""Workloads of a kind are spread evenly over domains."""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.domains import Counter, Counters
from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import Spread, Workload
from omnicloud.placement.rules.protocol import Bools, Filter, Rule, Scope

__all__ = ["Even"]


class Even(Rule):
    """After each placement the skew is within its bound."""

    name = "spread"

    def announce(self, fleet: Fleet, workload: Workload) -> None:
        """Count its kind from the start, which is cheaper than later."""
        for term in workload.spread:
            fleet.book(Counters).get(term.match, term.topology)

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """Concerns workloads with a spread."""
        return _WithinSkew(fleet, workload, eligible) if workload.spread else None


class _Skew:
    """One bound: the domains that count are those that the workload may use at all."""

    def __init__(self, term: Spread, counter: Counter, itself: bool, eligible: Bools) -> None:
        self.term = term
        self.counter = counter
        self.itself = int(itself)
        there = np.bincount(counter.domains.codes[eligible], minlength=len(counter.counts))
        there[counter.domains.nowhere] = 0
        self.counted = np.flatnonzero(there)
        self._good: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self._seen = -1

    def good(self) -> NDArray[np.bool_]:
        """By domain, whether one more may come."""
        if self._seen != self.counter.changes:
            self._seen = self.counter.changes
            self._good = self._now()
        return self._good

    def _now(self) -> NDArray[np.bool_]:
        counts = self.counter.counts
        good = np.zeros(counts.shape, dtype=np.bool_)
        if self.counted.size:
            there = counts[self.counted]
            good[self.counted] = there <= there.min() + (self.term.max_skew - self.itself)
        return good


class _WithinSkew(Filter):
    scope = Scope.SHARED

    def __init__(self, fleet: Fleet, workload: Workload, eligible: Bools) -> None:
        self._fleet = fleet
        counters = fleet.book(Counters)
        self._skews = [
            _Skew(
                term,
                counters.get(term.match, term.topology),
                term.match.selects(workload.labels),
                eligible,
            )
            for term in workload.spread
        ]

    def passes(self, rows: Rows) -> Bools:
        found = [skew.good()[skew.counter.domains.codes[rows]] for skew in self._skews]
        good: Bools = np.logical_and.reduce(found)
        return good

    def admits(self, row: int) -> bool:
        """Whether its domains may have one more."""
        for skew in self._skews:  # noqa: SIM110 - asked so often that a generator would be felt
            if not skew.good()[skew.counter.domains.codes[row]]:
                return False
        return True

    def limits(self) -> Floats:
        """By domain, of which there are few."""
        limits = [skew.counter.domains.limits(skew.good()) for skew in self._skews]
        return reduce(np.minimum, limits)

    def verdict(self, row: int) -> Verdict:
        node = self._fleet.nodes[row].name
        for skew in self._skews:
            code = skew.counter.domains.codes[row]
            if not skew.good()[code]:
                counts, most = skew.counter.counts, float(skew.term.max_skew)
                least = int(counts[skew.counted].min()) if skew.counted.size else 0
                where = f"the {skew.term.topology} of {node}"
                words = f"{where} has {counts[code]} of [{skew.term.match}], the emptiest {least}"
                after = float(counts[code] + skew.itself - least)
                return Verdict(Even.name, False, words, after, most, "workloads of skew")
        return Verdict(Even.name, True, f"{node} is in a domain that has not too many")
