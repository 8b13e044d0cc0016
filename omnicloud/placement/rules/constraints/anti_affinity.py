"""At most so many others of a kind in a domain, for those who say so and for newcomers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.domains import Counter, Counters, MatchIndex
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

    def full_for_holders(self, codes: NDArray[np.intp]) -> NDArray[np.bool_]:
        """The domains among these where one more selected workload would break it for a holder."""
        count, most = self.counter.counts[codes], self.term.at_most
        broken = (self.selected[codes] > 0) & (count > most)
        broken |= (self.others[codes] > 0) & (count >= most)
        broken &= codes != self.counter.domains.nowhere
        return broken

    def full_for_newcomer(self, codes: NDArray[np.intp]) -> NDArray[np.bool_]:
        """The domains among these where somebody new who holds it would see too many."""
        full: NDArray[np.bool_] = self.counter.counts[codes] > self.term.at_most
        full &= codes != self.counter.domains.nowhere
        return full


class _Bounds:
    """Every bound that anybody holds."""

    def __init__(self, fleet: Fleet) -> None:
        self._counters = fleet.book(Counters)
        self._bounds: dict[AntiAffinity, _Bound] = {}
        self._index: MatchIndex[_Bound] = MatchIndex()

    def knows(self, term: AntiAffinity) -> bool:
        return term in self._bounds

    def get(self, term: AntiAffinity) -> _Bound:
        if term not in self._bounds:
            counter = self._counters.get(term.match, term.topology)
            nobody = np.zeros_like(counter.counts)
            bound = self._bounds[term] = _Bound(term, counter, nobody, nobody.copy())
            self._index.file(term.match, bound)
        return self._bounds[term]

    def selecting(self, found: Labels) -> list[_Bound]:
        """The bounds that count a workload with these labels."""
        return self._index.selecting(found)

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
            good &= ~bound.full_for_newcomer(bound.counter.domains.codes[rows])
        for bound in self._theirs:
            good &= ~bound.full_for_holders(bound.counter.domains.codes[rows])
        return good

    def verdict(self, row: int) -> Verdict:
        node = self._fleet.nodes[row].name
        for bound in self._own:
            if bound.full_for_newcomer(bound.counter.domains.codes[[row]])[0]:
                return _verdict(bound, row, f"the workload bears at most, near {node}")
        for bound in self._theirs:
            if bound.full_for_holders(bound.counter.domains.codes[[row]])[0]:
                return _verdict(bound, row, f"a workload near {node} bears at most")
        return Verdict(Apart.name, True, f"nobody minds it near {node}")


def _verdict(bound: _Bound, row: int, who: str) -> Verdict:
    count = int(bound.counter.counts[bound.counter.domains.codes[row]])
    most, kind = bound.term.at_most, f"[{bound.term.match}] in its {bound.term.topology}"
    return Verdict(Apart.name, False, f"{who}, {most} others of {kind}, {count} are there", 1, most)
