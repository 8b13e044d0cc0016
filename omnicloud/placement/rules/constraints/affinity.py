"""At least so many workloads of a kind are in the domain already."""

from __future__ import annotations

import numpy as np

from omnicloud.placement.engine.domains import Counter, Counters
from omnicloud.placement.engine.fleet import Fleet, Rows
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import Affinity, Workload
from omnicloud.placement.rules.protocol import Bools, Filter, Rule, Scope

__all__ = ["Together"]


class Together(Rule):
    """The company that a workload needs is there when it comes, and stays."""

    name = "affinity"

    def announce(self, fleet: Fleet, workload: Workload) -> None:
        """Count its kind from the start, which is cheaper than later."""
        for term in workload.affinity:
            fleet.book(Counters).get(term.match, term.topology)

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """Concerns workloads with an affinity."""
        return _Company(fleet, workload) if workload.affinity else None

    def may_leave(self, fleet: Fleet, workload: Workload, *, for_good: bool) -> bool:
        """No resident of one of its domains would have too little company left."""
        row = fleet.where[workload.name]
        counters = fleet.book(Counters)
        return not any(
            term.match.selects(workload.labels)
            and _needed(counters.get(term.match, term.topology), term, other, fleet, row)
            for other in _holders(fleet, workload.name)
            for term in other.affinity
        )


def _holders(fleet: Fleet, besides: str) -> list[Workload]:
    return [w for _, w in fleet.placed() if w.affinity and w.name != besides]


def _needed(counter: Counter, term: Affinity, other: Workload, fleet: Fleet, row: int) -> bool:
    """Whether the other is in the domain of the row, and one less there is too few for it."""
    codes = counter.domains.codes
    itself = int(term.match.selects(other.labels))
    there = codes[row] == codes[fleet.where[other.name]]
    return bool(there and counter.counts[codes[row]] - 1 - itself < term.at_least)


class _Company(Filter):
    scope = Scope.SHARED

    def __init__(self, fleet: Fleet, workload: Workload) -> None:
        self._fleet = fleet
        counters = fleet.book(Counters)
        self._terms = [
            (term, counters.get(term.match, term.topology), term.match.selects(workload.labels))
            for term in workload.affinity
        ]

    def passes(self, rows: Rows) -> Bools:
        good = np.ones(self._fleet.counts[rows].shape, dtype=np.bool_)
        for term, counter, itself in self._terms:
            enough = counter.counts >= _wanted(term, counter, itself)
            enough[counter.domains.nowhere] = False
            good &= enough[counter.domains.codes[rows]]
        return good

    def verdict(self, row: int) -> Verdict:
        node = self._fleet.nodes[row].name
        for term, counter, itself in self._terms:
            code = counter.domains.codes[row]
            found, wanted = int(counter.counts[code]), _wanted(term, counter, itself)
            where = f"[{term.match}] in the {term.topology} of {node}"
            if code == counter.domains.nowhere:
                return Verdict(Together.name, False, f"{node} is in no {term.topology}")
            if found < wanted:
                words = f"{found} of {where}, {wanted} are needed"
                return Verdict(Together.name, False, words, wanted, found, "workloads")
        return Verdict(Together.name, True, f"{node} has the company that it needs")


def _wanted(term: Affinity, counter: Counter, itself: bool) -> int:
    """How many must be there: of its own kind no more than there are anywhere."""
    return min(term.at_least, int(counter.counts.sum())) if itself else term.at_least
