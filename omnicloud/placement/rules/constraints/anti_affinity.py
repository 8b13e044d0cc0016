"""At most so many others of a kind in a domain, for those who say so and for newcomers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.domains import Counter, Counters
from omnicloud.placement.engine.fleet import Fleet, Rows
from omnicloud.placement.model.labels import Labels
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import AntiAffinity, Workload
from omnicloud.placement.rules.protocol import Bools, Filter, Rule, Scope

__all__ = ["Apart"]


@dataclass(frozen=True)
class _Bound:
    """One bound, and who holds it by domain.

    Attributes:
        selected: Holders that the bound counts themselves; each sees one less than the count.
        others: Holders that it does not count.
    """

    term: AntiAffinity
    counter: Counter
    selected: NDArray[np.int64]
    others: NDArray[np.int64]

    def full(self) -> NDArray[np.bool_]:
        """The domains where one more selected workload would break it for a holder."""
        count, most = self.counter.counts, self.term.at_most
        broken = ((self.selected > 0) & (count > most)) | ((self.others > 0) & (count >= most))
        broken[self.counter.domains.nowhere] = False
        return broken


class _Bounds:
    """Every bound that anybody holds."""

    def __init__(self, fleet: Fleet) -> None:
        self._counters = fleet.book(Counters)
        self._bounds: dict[AntiAffinity, _Bound] = {}

    def knows(self, term: AntiAffinity) -> bool:
        return term in self._bounds

    def get(self, term: AntiAffinity) -> _Bound:
        if term not in self._bounds:
            counter = self._counters.get(term.match, term.topology)
            nobody = np.zeros_like(counter.counts)
            self._bounds[term] = _Bound(term, counter, nobody, nobody.copy())
        return self._bounds[term]

    def selecting(self, found: Labels) -> list[_Bound]:
        """The bounds that count a workload with these labels."""
        return [one for one in self._bounds.values() if one.term.match.selects(found)]

    def added(self, row: int, workload: Workload) -> None:
        self._hold(row, workload, 1)

    def removed(self, row: int, workload: Workload) -> None:
        self._hold(row, workload, -1)

    def _hold(self, row: int, workload: Workload, change: int) -> None:
        for term in workload.anti_affinity:
            bound = self.get(term)
            counted = term.match.selects(workload.labels)
            holders = bound.selected if counted else bound.others
            holders[bound.counter.domains.codes[row]] += change


class Apart(Rule):
    """Nobody gets more company of a kind than it bears."""

    name = "anti_affinity"

    def announce(self, fleet: Fleet, workload: Workload) -> None:
        """Note its bounds: they bind newcomers too."""
        bounds = fleet.book(_Bounds) if workload.anti_affinity else None
        for term in workload.anti_affinity:
            if bounds and not bounds.knows(term):
                bounds.get(term)
                fleet.new_epoch()

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """Concerns workloads with a bound, and those that a bound of others counts."""
        bounds = fleet.book(_Bounds)
        own = [bounds.get(term) for term in workload.anti_affinity]
        theirs = bounds.selecting(workload.labels)
        return _Bearable(fleet, own, theirs) if own or theirs else None


class _Bearable(Filter):
    def __init__(self, fleet: Fleet, own: list[_Bound], theirs: list[_Bound]) -> None:
        self._fleet = fleet
        self._own = own
        self._theirs = theirs
        on_nodes = all(one.term.topology == "node" for one in (*own, *theirs))
        self.scope = Scope.LOCAL if on_nodes else Scope.SHARED

    def passes(self, rows: Rows) -> Bools:
        good = np.ones(self._fleet.counts[rows].shape, dtype=np.bool_)
        for bound in self._own:
            good &= ~_own_full(bound)[bound.counter.domains.codes[rows]]
        for bound in self._theirs:
            good &= ~bound.full()[bound.counter.domains.codes[rows]]
        return good

    def verdict(self, row: int) -> Verdict:
        node = self._fleet.nodes[row].name
        for bound in self._own:
            if _own_full(bound)[bound.counter.domains.codes[row]]:
                return _verdict(bound, row, f"the workload bears at most, near {node}")
        for bound in self._theirs:
            if bound.full()[bound.counter.domains.codes[row]]:
                return _verdict(bound, row, f"a workload near {node} bears at most")
        return Verdict(Apart.name, True, f"nobody minds it near {node}")


def _own_full(bound: _Bound) -> NDArray[np.bool_]:
    full: NDArray[np.bool_] = bound.counter.counts > bound.term.at_most
    full[bound.counter.domains.nowhere] = False
    return full


def _verdict(bound: _Bound, row: int, who: str) -> Verdict:
    count = int(bound.counter.counts[bound.counter.domains.codes[row]])
    most, kind = bound.term.at_most, f"[{bound.term.match}] in its {bound.term.topology}"
    return Verdict(Apart.name, False, f"{who}, {most} others of {kind}, {count} are there", 1, most)
