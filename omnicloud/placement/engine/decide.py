"""From a snapshot to a decision: pure, and the same every time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from omnicloud.placement.engine.consolidation import consolidate
from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.engine.impossible import impossible
from omnicloud.placement.engine.placer import Placer
from omnicloud.placement.engine.preemption import make_room
from omnicloud.placement.engine.queue import in_order
from omnicloud.placement.engine.verifier import Verifier
from omnicloud.placement.model.checks import check
from omnicloud.placement.model.checks.options import check_options
from omnicloud.placement.model.decision import Decision, Eviction, Placement, Refusal
from omnicloud.placement.model.errors import InvalidSnapshotError
from omnicloud.placement.model.node import Node, Terms
from omnicloud.placement.model.options import Options
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.catalogue import Catalogue

__all__ = ["decide"]


def decide(
    snapshot: Snapshot,
    options: Options | None = None,
    *,
    catalogue: Catalogue | None = None,
    verifiers: Iterable[Verifier] = (),
) -> Decision:
    """Where each pending workload goes, who has to leave, and what should move.

    Args:
        snapshot: The fleet at one moment.
        options: How to place; fill nodes up unless said.
        catalogue: Constraints and objectives; those of the library unless said.
        verifiers: Asked about the best-scored nodes. Each is told of what is placed, so that a
            verifier serves one decision.

    Raises:
        InvalidSnapshotError: The snapshot contradicts itself, or a workload could not run on
            any node even if that were empty. All such mistakes are listed. Nothing was placed.
        ConfigurationError: An aim names no objective.
    """
    options = options or Options()
    problems = (*check(snapshot), *check_options(options))
    if problems:
        raise InvalidSnapshotError(problems)
    fleet = Fleet.of(snapshot, options.basis)
    placer = Placer(fleet, options, catalogue or Catalogue.of(), verifiers)
    placer.announce(snapshot.workloads())
    hopeless = () if options.refuse_impossible else impossible(placer, snapshot.pending)
    if hopeless:
        raise InvalidSnapshotError(hopeless)
    return _Run(placer, snapshot).decision()


class _Run:
    def __init__(self, placer: Placer, snapshot: Snapshot) -> None:
        self._placer = placer
        self._snapshot = snapshot
        self._kept = frozenset(n for one in snapshot.workloads() for n in one.depends_on)
        self._placements: dict[str, Placement] = {}
        self._refusals: dict[str, Refusal] = {}
        self._evictions: list[Eviction] = []

    def decision(self) -> Decision:
        queue = in_order(self._snapshot.pending)
        while queue:
            evicted = [victim for workload in queue for victim in self._settle(workload)]
            queue = in_order(evicted)
        options, fleet = self._placer.options, self._placer.fleet
        moves = consolidate(self._placer, self._placements) if options.move_budget else []
        used = [node for row, node in enumerate(fleet.nodes) if fleet.counts[row]]
        return Decision(
            self._snapshot.content_hash,
            options,
            tuple(self._placements.values()),
            tuple(self._refusals.values()),
            tuple(self._evictions),
            tuple(moves),
            len(used),
            sum(node.price_per_hour for node in self._paid()),
        )

    def _paid(self) -> Iterator[Node]:
        fleet = self._placer.fleet
        for row, node in enumerate(fleet.nodes):
            if fleet.counts[row] or node.terms is Terms.RESERVED:
                yield node

    def _settle(self, workload: Workload) -> tuple[Workload, ...]:
        """Place it or refuse it; who had to leave for it."""
        absent = sorted(n for n in workload.depends_on if n not in self._placer.fleet.where)
        if absent:
            words = f"it depends on {', '.join(absent)}, which has no place"
            self._refusals[workload.name] = Refusal(workload.name, words)
            return ()
        found = self._placer.place(workload)
        if isinstance(found, Placement):
            self._placements[workload.name] = found
            return ()
        return self._preempt(workload, found)

    def _preempt(self, workload: Workload, refusal: Refusal) -> tuple[Workload, ...]:
        placer = self._placer
        room = None
        if placer.options.preemption:
            room = make_room(placer, workload, self._kept.union(self._placements))
        if room is None:
            self._refusals[workload.name] = refusal
            return ()
        node = placer.fleet.nodes[room.row].name
        for victim in room.victims:
            placer.fleet.remove(victim.name)
            self._evictions.append(Eviction(victim.name, node, workload.name))
        self._placements[workload.name] = placer.put(workload, room.row)
        return room.victims
