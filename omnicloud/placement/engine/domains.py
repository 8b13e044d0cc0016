"""Topologies as columns: which domain each node is in, and who is counted where."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.fleet import Fleet, Floats
from omnicloud.placement.model.labels import Labels, Match
from omnicloud.placement.model.workload import Workload

__all__ = ["Counter", "Counters", "Domains", "MatchIndex", "Topologies"]

T = TypeVar("T")
_PATTERNS = 64
_FEW = 64


@dataclass(frozen=True)
class Domains:
    """A topology.

    Attributes:
        names: Of its domains, sorted; an extra one at the end for nodes that are in none.
        codes: The domain of each node.
        nowhere: The code of nodes that are in none.
    """

    names: tuple[str, ...]
    codes: NDArray[np.intp]
    nowhere: int
    _patterns: dict[bytes, Floats] = field(default_factory=dict, repr=False, compare=False)

    @property
    def few(self) -> bool:
        """Whether :meth:`limits` is quick."""
        return len(self.names) <= _FEW

    def members(self, code: int) -> NDArray[np.intp]:
        """The nodes of a domain."""
        return self._sorted[self._starts[code] : self._starts[code + 1]]

    @cached_property
    def _sorted(self) -> NDArray[np.intp]:
        return np.argsort(self.codes, kind="stable")

    @cached_property
    def _starts(self) -> list[int]:
        edges = np.arange(len(self.names) + 1)
        starts: list[int] = np.searchsorted(self.codes[self._sorted], edges).tolist()
        return starts

    def limits(self, good: NDArray[np.bool_]) -> Floats:
        """Of all nodes: infinity in these domains, its negative elsewhere. Not to be changed.

        Of a few domains there are few such columns, and they are kept.
        """
        pattern = good.tobytes() if self.few else b""
        found = self._patterns.get(pattern)
        if found is None:
            found = np.where(good, np.inf, -np.inf)[self.codes]
            if pattern and len(self._patterns) < _PATTERNS:
                self._patterns[pattern] = found
        return found


@dataclass(eq=False, slots=True)
class Counter:
    """Workloads that a match selects, by domain.

    Attributes:
        changes: How often the counts changed.
    """

    match: Match
    domains: Domains
    counts: NDArray[np.int64]
    changes: int = 0


class Topologies:
    """The topologies of a fleet, made at their first use. They never change."""

    def __init__(self, fleet: Fleet) -> None:
        self._nodes = fleet.nodes
        self._made: dict[str, Domains] = {}

    def get(self, topology: str) -> Domains:
        """The topology of that name."""
        found = self._made.get(topology)
        if found is None:
            found = self._made[topology] = self._make(topology)
        return found

    def _make(self, topology: str) -> Domains:
        places = [node.place(topology) for node in self._nodes]
        names = tuple(sorted(set(places) - {""}))
        code = {name: number for number, name in enumerate(names)} | {"": len(names)}
        codes = np.array([code[place] for place in places], dtype=np.intp)
        return Domains((*names, ""), codes, len(names))


class MatchIndex(Generic[T]):
    """Finds what was filed under matches that select given labels, without asking them all."""

    def __init__(self) -> None:
        self._by_label: dict[tuple[str, str] | None, list[tuple[Match, T]]] = {}

    def file(self, match: Match, thing: T) -> None:
        """File it under a match."""
        first = match.wanted[0] if match.wanted else None
        self._by_label.setdefault(first, []).append((match, thing))

    def selecting(self, found: Labels) -> list[T]:
        """Everything under matches that select these labels, in a settled order."""
        kinds: tuple[tuple[str, str] | None, ...] = (None, *found)
        filed = (pair for kind in kinds for pair in self._by_label.get(kind, ()))
        return [thing for match, thing in filed if match.selects(found)]


class Counters:
    """Counts of selected workloads by domain, kept up to date."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._topologies = fleet.table(Topologies)
        self._counters: dict[tuple[Match, str], Counter] = {}
        self._index: MatchIndex[Counter] = MatchIndex()
        self._selected: dict[Labels, list[Counter]] = {}

    def get(self, match: Match, topology: str) -> Counter:
        """The counter of these workloads over that topology."""
        found = self._counters.get((match, topology))
        if found is None:
            domains = self._topologies.get(topology)
            counts = np.zeros(len(domains.names), dtype=np.int64)
            found = self._counters[match, topology] = Counter(match, domains, counts)
            self._index.file(match, found)
            self._selected.clear()
            for row, workload in self._fleet.placed():
                if match.selects(workload.labels):
                    counts[domains.codes[row]] += 1
        return found

    def added(self, row: int, workload: Workload) -> None:
        """Count it."""
        for counter in self._selecting(workload.labels):
            counter.counts[counter.domains.codes[row]] += 1
            counter.changes += 1

    def removed(self, row: int, workload: Workload) -> None:
        """Count it no longer."""
        for counter in self._selecting(workload.labels):
            counter.counts[counter.domains.codes[row]] -= 1
            counter.changes += 1

    def _selecting(self, found: Labels) -> list[Counter]:
        selected = self._selected.get(found)
        if selected is None:
            selected = self._selected[found] = self._index.selecting(found)
        return selected
