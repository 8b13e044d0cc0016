"""Room for a workload at the expense of others of lower priority."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from omnicloud.placement.engine.placer import Placer
from omnicloud.placement.model.workload import Workload

__all__ = ["Room", "make_room"]

_TRIED = 128
"""So many nodes are tried out, the first by name among those that could do at all."""


@dataclass(frozen=True)
class Room:
    """A node and those that have to leave it, in an order in which they may."""

    row: int
    victims: tuple[Workload, ...]


def make_room(placer: Placer, workload: Workload, kept: frozenset[str]) -> Room | None:
    """Where the least important workloads would have to leave; changes nothing.

    Victims are of lower priority and may be preempted, nobody depends on them, and no rule of
    those that stay breaks. Of the nodes the one is chosen whose most important victim is the
    least important, then the one with the fewest victims, then the first by name.

    Args:
        placer: With the fleet as it is.
        workload: For which no node was found.
        kept: Names of workloads that stay: others depend on them, or they were placed just now.
    """
    rooms: list[Room] = []
    for row in placer.shape(workload).eligible.nonzero()[0]:
        victims = _possible(placer, workload, int(row), kept)
        if victims and _enough(placer, workload, int(row), victims):
            room = _tried(placer, workload, int(row), victims)
            rooms += [room] if room else []
            if len(rooms) == _TRIED:
                break
    return min(rooms, key=_harm, default=None)


def _harm(room: Room) -> tuple[int, int, int]:
    return max(one.priority for one in room.victims), len(room.victims), room.row


def _possible(placer: Placer, workload: Workload, row: int, kept: frozenset[str]) -> list[Workload]:
    """Who might leave the node, the least important first."""
    found = (
        one
        for one in placer.fleet.residents[row].values()
        if one.priority < workload.priority and one.preemptible and one.name not in kept
    )
    return sorted(found, key=lambda one: (one.priority, one.name))


def _enough(placer: Placer, workload: Workload, row: int, victims: Iterable[Workload]) -> bool:
    """Whether there were enough resources without all of them."""
    fleet = placer.fleet
    free = fleet.free[:, row] + sum(fleet.demand(one) for one in victims)
    wanted = fleet.demand(workload)
    return bool(((free >= wanted) | (wanted == 0)).all())


def _tried(
    placer: Placer, workload: Workload, row: int, victims: Iterable[Workload]
) -> Room | None:
    """Let them go one by one until the workload fits, then spare those that need not go."""
    gone: list[Workload] = []
    for one in victims:
        if not may_leave(placer, one, for_good=True):
            continue
        placer.fleet.remove(one.name)
        gone.append(one)
        if placer.passes(workload, row):
            break
    fits = bool(gone) and placer.passes(workload, row)
    needed = _needed(placer, workload, row, gone) if fits else gone
    for one in reversed(needed):
        placer.fleet.add(one, row)
    if not fits:
        return None
    return Room(row, tuple(needed if _go_alone(placer, row, needed) else gone))


def _go_alone(placer: Placer, row: int, victims: list[Workload]) -> bool:
    """Whether they may leave one after another while those stay whom the workload can spare."""
    gone: list[Workload] = []
    for one in victims:
        if not may_leave(placer, one, for_good=True):
            break
        placer.fleet.remove(one.name)
        gone.append(one)
    for one in reversed(gone):
        placer.fleet.add(one, row)
    return len(gone) == len(victims)


def _needed(placer: Placer, workload: Workload, row: int, gone: list[Workload]) -> list[Workload]:
    """Take back those without whose place it does, the most important first; who is left over."""
    needed: list[Workload] = []
    for one in reversed(gone):
        placer.fleet.add(one, row)
        if not placer.passes(workload, row):
            placer.fleet.remove(one.name)
            needed.insert(0, one)
    return needed


def may_leave(placer: Placer, workload: Workload, *, for_good: bool) -> bool:
    """Whether no rule of those that stay breaks."""
    return all(rule.may_leave(placer.fleet, workload, for_good=for_good) for rule in placer.rules)
