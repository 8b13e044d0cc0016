"""The nodes as columns of numbers, and what is on them now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.model.node import Node
from omnicloud.placement.model.options import Basis
from omnicloud.placement.model.resources import Resources, Schema
from omnicloud.placement.model.snapshot import Latency, Placed, Snapshot
from omnicloud.placement.model.workload import Workload

__all__ = ["Book", "Fleet", "Floats", "Follower", "Rows", "Table"]

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.intp] | slice
"""Some nodes, by their index in the order of names; both kinds index a column."""


class Follower(Protocol):
    """Is told of every workload that comes or leaves, after the columns have changed."""

    def added(self, row: int, workload: Workload) -> None:
        """The workload came to the node."""
        ...

    def removed(self, row: int, workload: Workload) -> None:
        """The workload left the node."""
        ...


class Book(Follower, Protocol):
    """What a rule keeps count of. Made at its first use, told of what is there already."""

    def __init__(self, fleet: Fleet) -> None: ...


class Table(Protocol):
    """What a rule works out about the nodes. Made at its first use; changes by itself alone."""

    def __init__(self, fleet: Fleet) -> None: ...


_ASKED = 1 << 16  # amounts of which the columns are kept
B = TypeVar("B", bound=Book)
T = TypeVar("T", bound=Table)


class Fleet:
    """Columns over nodes in the order of their names. Not thread-safe; one owner.

    Attributes:
        capacity: In quanta of the schema; one row for each dimension, contiguous.
        shares: One quantum as a share of the node, 0 where it has none.
        gpus: Devices of each node.
        most: Workloads that each node takes at the most, where any node has a bound.
        free: The capacity less what is placed; below zero on a node that was overfilled.
        counts: Workloads on each node.
        residents: Workloads on each node, by name.
        where: The row of every placed workload.
        generation: Counts changes.
        epoch: Counts what changes the rules themselves; see :meth:`new_epoch`.
        known: What a snapshot said of workloads by name: which devices and zone they use.
        named: Workloads that some rule means by name, which share filters with no other.
    """

    def __init__(
        self,
        nodes: tuple[Node, ...],
        schema: Schema,
        *,
        basis: Basis = Basis.REQUEST,
        latencies: tuple[Latency, ...] = (),
    ) -> None:
        self.nodes = nodes
        self.schema = schema
        self.basis = basis
        self.latencies = latencies
        self.rows = {node.name: row for row, node in enumerate(nodes)}
        columns = [schema.offered(node.capacity) for node in nodes]
        shape = (len(nodes), len(schema.dimensions))
        self.capacity = np.ascontiguousarray(np.array(columns).reshape(shape).T)
        self.free = self.capacity.copy()
        with np.errstate(divide="ignore"):
            shares = 1.0 / self.capacity
        shares[~np.isfinite(shares)] = 0.0
        self.shares = shares
        self.gpus = np.array([n.gpus.count if n.gpus else 0 for n in nodes], dtype=np.int64)
        bounds = np.array([node.max_workloads for node in nodes], dtype=np.int64)
        self.most = np.where(bounds > 0, bounds, np.iinfo(np.int64).max) if bounds.any() else None
        self.counts = np.zeros(len(nodes), dtype=np.int64)
        self.residents: list[dict[str, Workload]] = [{} for _ in nodes]
        self.where: dict[str, int] = {}
        self.generation = 0
        self.epoch = 0
        self.named: set[str] = set()
        self.known: dict[str, Placed] = {}
        self._changes = _Changes(len(nodes))
        self._tables: dict[type[Table], Table] = {}
        self._followers: list[Follower] = []
        self._told: list[Callable[[int, Workload], None]] = []
        self._demands: dict[Resources, Floats] = {}
        self._expected: dict[tuple[Resources, Resources], Resources] = {}
        self._asked: dict[int, tuple[Resources, list[tuple[Floats, float]]]] = {}

    @classmethod
    def of(cls, snapshot: Snapshot, basis: Basis = Basis.REQUEST) -> Fleet:
        """The fleet of a snapshot with what is placed on it."""
        amounts = [node.capacity for node in snapshot.nodes]
        for workload in snapshot.workloads():
            amounts += [workload.request, workload.forecast or workload.request]
        schema = Schema.covering(amounts)
        fleet = cls(snapshot.nodes, schema, basis=basis, latencies=snapshot.latencies)
        fleet.known = {one.workload.name: one for one in snapshot.placed}
        for one in snapshot.placed:
            fleet.add(one.workload, fleet.rows[one.node])
        return fleet

    def __len__(self) -> int:
        return len(self.nodes)

    def demand(self, workload: Workload) -> Floats:
        """What the workload takes, in quanta. Not to be changed."""
        wanted = self._packed(workload)
        found = self._demands.get(wanted)
        if found is None:
            found = self._demands[wanted] = self.schema.requested(wanted)
        return found

    def _packed(self, workload: Workload) -> Resources:
        if self.basis != Basis.FORECAST or workload.forecast is None:
            return workload.request
        both = workload.forecast, workload.request
        found = self._expected.get(both)
        if found is None:
            told = {name: amount for name, amount in both[0].amounts().items() if amount}
            found = self._expected[both] = Resources.of(both[1].amounts() | told)
        return found

    def _columns(self, workload: Workload) -> list[tuple[Floats, float]]:
        """What is free in each dimension that it takes, and how much it takes."""
        wanted = self._packed(workload)
        found = self._asked.get(id(wanted))  # the amounts are kept, so that the number is theirs
        if found is None:
            if len(self._asked) > _ASKED:
                self._asked.clear()
            demand = self.demand(workload)
            columns = [(self.free[d], float(demand[d])) for d in np.flatnonzero(demand)]
            found = self._asked[id(wanted)] = wanted, columns
        return found[1]

    def add(self, workload: Workload, row: int) -> None:
        """Put a workload on a node. Asks no rule."""
        for column, wanted in self._columns(workload):
            column[row] -= wanted
        self.counts[row] += 1
        self.residents[row][workload.name] = workload
        self.where[workload.name] = row
        for told in self._told:
            told(row, workload)
        self._changed(row)

    def remove(self, name: str) -> tuple[Workload, int]:
        """Take a workload off; it and the node where it was."""
        row = self.where.pop(name)
        workload = self.residents[row].pop(name)
        for column, wanted in self._columns(workload):
            column[row] += wanted
        self.counts[row] -= 1
        for follower in self._followers:
            follower.removed(row, workload)
        self._changed(row)
        return workload, row

    def book(self, kind: type[B]) -> B:
        """The book of that kind, made and filled at the first asking."""
        new = kind not in self._tables
        found = self.table(kind)
        if new:
            self.follow(found)
        return found

    def table(self, kind: type[T]) -> T:
        """The table of that kind, made at the first asking."""
        found = self._tables.get(kind)
        if found is None:
            found = self._tables[kind] = kind(self)
        if not isinstance(found, kind):
            raise TypeError(f"{kind.__name__} is not what was kept under its name")
        return found

    def follow(self, follower: Follower) -> None:
        """Tell it of what is there, and from now on of every change."""
        for row, workload in self.placed():
            follower.added(row, workload)
        self._followers.append(follower)
        self._told.append(follower.added)

    def placed(self) -> Iterator[tuple[int, Workload]]:
        """Everything that is on a node, in the order in which it came."""
        for name, row in self.where.items():
            yield row, self.residents[row][name]

    def changed_since(self, generation: int) -> NDArray[np.intp]:
        """The rows that changed after a generation."""
        return self._changes.since(generation, self.generation)

    def latest_since(self, generation: int) -> set[int] | None:
        """The same where it is not long ago, otherwise ``None``."""
        return self._changes.latest(generation, self.generation)

    def touch(self, rows: Iterable[int]) -> None:
        """Mark nodes as changed by something other than a workload."""
        for row in rows:
            self._changed(row)

    def new_epoch(self) -> None:
        """What rules were prepared for holds no longer, such as a bound nobody had before."""
        self.epoch += 1

    def _changed(self, row: int) -> None:
        self.generation += 1
        self._changes.note(row, self.generation)


class _Changes:
    """Which rows changed when: the latest one by one, older ones by their last time."""

    _LATEST = 256

    def __init__(self, size: int) -> None:
        self._stamps = np.zeros(size, dtype=np.int64)
        self._log: list[int] = []

    def note(self, row: int, generation: int) -> None:
        if len(self._log) == 16 * self._LATEST:
            del self._log[: -self._LATEST]
        self._log.append(row)
        self._stamps[row] = generation

    def latest(self, generation: int, now: int) -> set[int] | None:
        if now - generation > self._LATEST:
            return None
        return set(self._log[len(self._log) - (now - generation) :])

    def since(self, generation: int, now: int) -> NDArray[np.intp]:
        latest = self.latest(generation, now)
        if latest is None:
            return np.flatnonzero(self._stamps > generation)
        return np.array(sorted(latest), dtype=np.intp)
