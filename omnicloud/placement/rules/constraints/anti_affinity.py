"""At most so many others of a kind in a domain, for those who say so and for newcomers."""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.domains import Counter, Counters, MatchIndex
from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.labels import Labels
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import AntiAffinity, Workload
from omnicloud.placement.rules.protocol import Bools, Filter, Rule, Scope

__all__ = ["Apart"]


class _Bound:
    """One bound, and who holds it by domain.

    Attributes:
        selected: Holders that the bound counts themselves; each sees one less than the count.
        others: Holders that it does not count.
        changes: How often any of the counts changed.
    """

    _LATEST = 256

    def __init__(self, term: AntiAffinity, counter: Counter) -> None:
        self.term = term
        self.counter = counter
        self.selected = np.zeros_like(counter.counts)
        self.others = np.zeros_like(counter.counts)
        self.changes = 0
        self._log: list[int] = []

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

    def held(self, code: int) -> bool:
        """Whether anybody there holds it."""
        return bool(self.selected[code] > 0 or self.others[code] > 0)

    def change(self, code: int) -> None:
        """Somebody whom it counts or who holds it came to the domain or left it."""
        if len(self._log) == 16 * self._LATEST:
            del self._log[: -self._LATEST]
        self._log.append(code)
        self.changes += 1

    def changed_since(self, changes: int) -> set[int] | None:
        """The domains that changed after so many changes; ``None`` where these are too many."""
        new = self.changes - changes
        return set(self._log[len(self._log) - new :]) if new <= self._LATEST else None


class _Bounds:
    """Every bound that anybody holds."""

    def __init__(self, fleet: Fleet) -> None:
        self._counters = fleet.book(Counters)
        self._bounds: dict[AntiAffinity, _Bound] = {}
        self._index: MatchIndex[_Bound] = MatchIndex()
        self._selecting: dict[Labels, list[_Bound]] = {}

    def knows(self, term: AntiAffinity) -> bool:
        return term in self._bounds

    def get(self, term: AntiAffinity) -> _Bound:
        found = self._bounds.get(term)
        if found is None:
            counter = self._counters.get(term.match, term.topology)
            found = self._bounds[term] = _Bound(term, counter)
            self._index.file(term.match, found)
            self._selecting.clear()
        return found

    def selecting(self, found: Labels) -> list[_Bound]:
        """The bounds that count a workload with these labels."""
        bounds = self._selecting.get(found)
        if bounds is None:
            bounds = self._selecting[found] = self._index.selecting(found)
        return bounds

    def added(self, row: int, workload: Workload) -> None:
        self._hold(row, workload, 1)

    def removed(self, row: int, workload: Workload) -> None:
        self._hold(row, workload, -1)

    def _hold(self, row: int, workload: Workload, change: int) -> None:
        for term in workload.anti_affinity:
            bound = self.get(term)
            code = bound.counter.domains.codes.item(row)
            counted = term.match.selects(workload.labels)
            holders = bound.selected if counted else bound.others
            holders[code] += change
            bound.change(code)
        for bound in self.selecting(workload.labels):
            bound.change(bound.counter.domains.codes.item(row))


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


class _Side:
    """A bound as one sees it who holds it and comes, or one whom holders would count."""

    def __init__(self, bound: _Bound, *, own: bool) -> None:
        self.bound = bound
        self.full = bound.full_for_newcomer if own else bound.full_for_holders
        self.own = own
        self._domains = bound.counter.domains
        self._seen = -1

    @property
    def few(self) -> bool:
        return self._domains.few

    def full_at(self, row: int) -> bool:
        code = self._domains.codes.item(row)
        bound = self.bound
        if code == self._domains.nowhere:
            return False
        count, most = bound.counter.counts.item(code), bound.term.at_most
        if self.own or count > most:
            return bool(count > most and (self.own or bound.held(code)))
        return bool(count == most and bound.others[code] > 0)

    def limits(self) -> Floats:
        """As :meth:`Filter.limits`."""
        return self._domains.limits(~self.full(np.arange(len(self._domains.names))))

    def changed(self) -> list[int] | None:
        """The nodes in domains that changed since the last time; ``None``: look at all."""
        seen, self._seen = self._seen, self.bound.changes
        codes = self.bound.changed_since(seen) if seen >= 0 else None
        if codes is None:
            return None
        return [row for code in codes for row in self._domains.members(code).tolist()]


def _nobody_full(sides: list[_Side], row: int) -> bool:
    for side in sides:  # noqa: SIM110 - asked so often that a generator would be felt
        if side.full_at(row):
            return False
    return True


class _Bearable(Filter):
    scope = Scope.SHARED

    def __init__(self, fleet: Fleet, own: list[_Bound], theirs: list[_Bound]) -> None:
        self._fleet = fleet
        self._sides = [_Side(bound, own=True) for bound in own]
        self._sides += [_Side(bound, own=False) for bound in theirs]
        self._few = [side for side in self._sides if side.few]
        self._many = [side for side in self._sides if not side.few]
        self._limits: Floats = np.zeros(0)

    def passes(self, rows: Rows) -> Bools:
        good = np.ones(self._fleet.counts[rows].shape, dtype=np.bool_)
        for side in self._sides:
            good &= ~side.full(side.bound.counter.domains.codes[rows])
        return good

    def admits(self, row: int) -> bool:
        """Whether nobody minds."""
        return _nobody_full(self._sides, row)

    def limits(self) -> Floats:
        """Where there are many domains, of which few change, they are kept up to date."""
        limits = [side.limits() for side in self._few]
        if self._many:
            limits.append(self._kept())
        return reduce(np.minimum, limits)

    def _kept(self) -> Floats:
        found = [side.changed() for side in self._many]
        if None in found:
            self._limits = reduce(np.minimum, [side.limits() for side in self._many])
        for row in {row for rows in found for row in rows or ()}:
            self._limits[row] = np.inf if _nobody_full(self._many, row) else -np.inf
        return self._limits

    def verdict(self, row: int) -> Verdict:
        node = self._fleet.nodes[row].name
        for side in self._sides:
            if side.full_at(row):
                newcomer = f"the workload bears at most, near {node}"
                return _verdict(
                    side.bound,
                    row,
                    newcomer if side.own else f"a workload near {node} bears at most",
                )
        return Verdict(Apart.name, True, f"nobody minds it near {node}")


def _verdict(bound: _Bound, row: int, who: str) -> Verdict:
    count = int(bound.counter.counts[bound.counter.domains.codes[row]])
    most, kind = bound.term.at_most, f"[{bound.term.match}] in its {bound.term.topology}"
    return Verdict(Apart.name, False, f"{who}, {most} others of {kind}, {count} are there", 1, most)
