"""The plain packing that every other is measured by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.search.machines import Machines
from omnicloud.placement.search.problem import Problem

__all__ = ["first_fit"]

_ROOM = 64  # machines that are looked at together


def first_fit(problem: Problem) -> NDArray[np.intp]:
    """Each item onto the first machine that takes it, in the order given.

    A machine that refused a kind once does so for good, because nothing leaves.
    """
    machines = Machines(problem, _ROOM)
    first = np.zeros(len(problem.demands), dtype=np.intp)
    used = 0
    for item, kind in enumerate(problem.items.tolist()):
        target = _first_room(machines, kind, int(first[kind]), used)
        if target == len(machines.items):
            machines = _larger(machines, problem)
        machines.put(item, target)
        first[kind] = target
        used = max(used, target + 1)
    return machines.at


def _first_room(machines: Machines, kind: int, start: int, used: int) -> int:
    """The first machine from the start on that takes the kind; the number used where none does."""
    for begin in range(start, used, _ROOM):
        some = np.arange(begin, min(begin + _ROOM, used))
        room = some[machines.fits(kind, some)]
        good = room[machines.bears(kind, room)]
        if good.size:
            return int(good[0])
    return used


def _larger(machines: Machines, problem: Problem) -> Machines:
    """The same with room for twice as many machines."""
    larger = Machines(problem, 2 * len(machines.items))
    for machine, items in enumerate(machines.items):
        for item in items:
            larger.put(item, machine)
    return larger
