"""The fleet as it is, from which slots are reserved: never the same slot twice."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from omnicloud.errors import NotFoundError
from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.engine.placer import Placer
from omnicloud.placement.engine.preemption import may_leave
from omnicloud.placement.engine.verifier import Verifier
from omnicloud.placement.model.checks import check
from omnicloud.placement.model.checks.options import check_options
from omnicloud.placement.model.decision import Decision
from omnicloud.placement.model.errors import InvalidSnapshotError, PlacementConflictError
from omnicloud.placement.model.options import Options
from omnicloud.placement.model.snapshot import Placed, Snapshot
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.catalogue import Catalogue
from omnicloud.placement.rules.constraints.gpus import Devices
from omnicloud.placement.rules.constraints.numa import Zones

__all__ = ["Ledger", "Reservation"]


@dataclass(frozen=True, slots=True)
class Reservation:
    """Slots that are taken: kept when the workloads run there, or released.

    Attributes:
        generation: Of the ledger after it.
        placed: Workloads and their nodes.
    """

    generation: int
    placed: tuple[tuple[str, str], ...]


class Ledger:
    """Who has which slot. Thread-safe: decisions are made anywhere, slots are taken here.

    A decision is made from a snapshot that may be old by now. Taking its slots asks every
    constraint again on the fleet as it is, and takes all of them or none.

    Args:
        snapshot: The fleet at the start.
        options: Of the decisions; of them the basis and the spare nodes are read.
        catalogue: The constraints; those of the library unless said.
        verifiers: Have the last word here too; of its own, as they are told of every slot.

    Raises:
        InvalidSnapshotError: The snapshot or the options contradict themselves.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        options: Options | None = None,
        catalogue: Catalogue | None = None,
        verifiers: Iterable[Verifier] = (),
    ) -> None:
        self._options = options or Options()
        problems = (*check(snapshot), *check_options(self._options))
        if problems:
            raise InvalidSnapshotError(problems)
        self._fleet = Fleet.of(snapshot, self._options.basis)
        rules = catalogue or Catalogue.of()
        self._placer = Placer(self._fleet, self._options, rules, verifiers)
        self._placer.announce(snapshot.workloads())
        self._start = snapshot
        self._lost: set[str] = set()
        self._held: dict[str, int] = {}  # the generation of the reservation, by workload
        self._generation = 0
        self._lock = threading.Lock()

    def snapshot(self, pending: Iterable[Workload] = ()) -> Snapshot:
        """The fleet as it is, without the nodes that were lost, with these to be placed.

        Workloads that are gone, with a node or by themselves, while others that are placed still
        depend on them or talk to them are named as such: the others run on, and are not refused.
        """
        with self._lock:
            names = [node.name for node in self._fleet.nodes]
            devices, zones = self._fleet.book(Devices), self._fleet.book(Zones)
            there = [
                Placed(w, names[row], devices.taken(w.name), zones.taken(w.name))
                for row, w in self._fleet.placed()
            ]
        nodes = tuple(node for node in self._start.nodes if node.name not in self._lost)
        placed = tuple(sorted(there, key=lambda one: one.workload.name))
        wanted = tuple(pending)
        gone = _gone(placed, wanted)
        return replace(self._start, nodes=nodes, placed=placed, pending=wanted, gone=gone)

    def reserve(self, snapshot: Snapshot, decision: Decision) -> Reservation:
        """Take all slots of a decision, its evictions and moves included.

        Raises:
            PlacementConflictError: A node vanished, a workload is not where it was, or a rule
                would break on the fleet as it is. Nothing was taken.
        """
        if decision.snapshot_hash != snapshot.content_hash:
            raise PlacementConflictError((("the decision", "it is for another snapshot"),))
        with self._lock:
            attempt = _Attempt(self._placer, self._lost)
            try:
                attempt.follow(snapshot, decision)
                if attempt.conflicts:
                    raise PlacementConflictError(tuple(attempt.conflicts))
            except BaseException:
                attempt.undo()
                raise
            self._generation += 1
            self._held.update((name, self._generation) for name, _ in attempt.placed)
            return Reservation(self._generation, tuple(attempt.placed))

    def release(self, reservation: Reservation) -> None:
        """Give back the slots that the reservation still has; again: nothing."""
        with self._lock:
            for name, node in reservation.placed:
                mine = self._held.get(name) == reservation.generation
                if mine and self._fleet.where.get(name) == self._fleet.rows[node]:
                    self._fleet.remove(name)
                    del self._held[name]
            self._generation += 1

    def drop(self, name: str) -> Workload:
        """A workload ended or is given up: its slot is free.

        Others may depend on it, as when its node is lost.

        Raises:
            NotFoundError: It has no place.
        """
        with self._lock:
            if name not in self._fleet.where:
                raise NotFoundError(f"workload {name!r} has no place in the ledger")
            workload, _ = self._fleet.remove(name)
            self._held.pop(name, None)
            self._generation += 1
            return workload

    def lose(self, node: str) -> tuple[Workload, ...]:
        """A node vanished; the workloads that were on it and need another place.

        Raises:
            NotFoundError: There never was such a node.
        """
        with self._lock:
            if node not in self._fleet.rows:
                raise NotFoundError(f"there is no node {node!r} in the ledger")
            self._lost.add(node)
            there = tuple(self._fleet.residents[self._fleet.rows[node]].values())
            for workload in there:
                self._fleet.remove(workload.name)
                self._held.pop(workload.name, None)
            self._generation += 1
            return there

    def regain(self, node: str) -> None:
        """A node that was lost is back, and empty.

        Raises:
            NotFoundError: It was not lost.
        """
        with self._lock:
            if node not in self._lost:
                raise NotFoundError(f"no node {node!r} was lost from the ledger")
            self._lost.discard(node)
            self._generation += 1


def _gone(placed: tuple[Placed, ...], pending: tuple[Workload, ...]) -> tuple[str, ...]:
    """Whom those that are placed need and nobody has; when they came, these were there."""
    there = {one.workload.name for one in placed} | {one.name for one in pending}
    needed: set[str] = set()
    for one in placed:
        needed |= one.workload.depends_on
        needed.update(talk.to for talk in one.workload.talks_to)
    return tuple(sorted(needed - there))


class _Attempt:
    """Does a decision step by step and notes how to undo it."""

    def __init__(self, placer: Placer, lost: set[str]) -> None:
        self._placer = placer
        self._fleet = placer.fleet
        self._lost = lost
        self._done: list[tuple[Workload, int, bool]] = []
        self.conflicts: list[tuple[str, str]] = []
        self.placed: list[tuple[str, str]] = []

    def follow(self, snapshot: Snapshot, decision: Decision) -> None:
        known = {workload.name: workload for workload in snapshot.workloads()}
        for placement in decision.placements:
            for eviction in decision.evictions:
                if eviction.by == placement.workload:
                    self._take_off(eviction.workload, eviction.node, for_good=True)
            self._come(known[placement.workload], placement.node)
        for move in decision.moves:
            workload = known[move.workload]
            if self._take_off(move.workload, move.source, for_good=False):
                self._put(workload, move.target)

    def undo(self) -> None:
        for workload, row, added in reversed(self._done):
            if added:
                self._fleet.remove(workload.name)
            else:
                self._fleet.add(workload, row)

    def _take_off(self, name: str, node: str, *, for_good: bool) -> bool:
        row = self._fleet.rows.get(node, -1)
        if row < 0 or self._fleet.where.get(name) != row:
            self.conflicts.append((name, f"is no longer on {node}"))
            return False
        why = self._kept(self._fleet.residents[row][name], node, for_good)
        if why:
            self.conflicts.append((name, why))
            return False
        workload, _ = self._fleet.remove(name)
        self._done.append((workload, row, False))
        return True

    def _kept(self, workload: Workload, node: str, for_good: bool) -> str:
        """Who needs it where it is; empty where nobody does."""
        needing = (w.name for _, w in self._fleet.placed() if workload.name in w.depends_on)
        dependent = next(needing, None) if for_good else None
        if dependent is not None:
            return f"{dependent} depends on it"
        free = may_leave(self._placer, workload, for_good=for_good)
        return "" if free else f"others on {node} need its company"

    def _come(self, workload: Workload, node: str) -> None:
        absent = sorted(name for name in workload.depends_on if name not in self._fleet.where)
        if absent:
            words = f"it depends on {', '.join(absent)}, which has no place"
            self.conflicts.append((workload.name, words))
        else:
            self._put(workload, node)

    def _put(self, workload: Workload, node: str) -> None:
        row = self._fleet.rows.get(node, -1)
        if row < 0 or node in self._lost:
            self.conflicts.append((workload.name, f"its node {node} vanished"))
        elif workload.name in self._fleet.where:
            self.conflicts.append((workload.name, "has a place already"))
        elif not self._placer.passes(workload, row):
            words = self._placer.refusal(workload, row).words
            self.conflicts.append((workload.name, words))
        else:
            self._fleet.add(workload, row)
            self._done.append((workload, row, True))
            self.placed.append((workload.name, node))
