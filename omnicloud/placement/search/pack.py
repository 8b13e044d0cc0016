"""Greedy first, then one machine less as long as that can be mended.

Items whose kinds bear few others come first, because later every machine has somebody whom
they do not bear; each goes where the load at its own busy hours is least. Then the emptiest
machine is closed, and what was on it is put elsewhere: where there is room, else in the place of
those whom it does not bear, else in the place of something smaller; who lost a place is
put next.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.search.machines import Machines
from omnicloud.placement.search.problem import FULL, Floats, Packed, Problem

__all__ = ["pack"]

_BEARING = 3.0  # how much earlier the least tolerant kind comes than the largest
_LOOKED_AT = 160  # machines in which something smaller is sought
_STEPS_PER_MACHINE = 50_000


def pack(
    problem: Problem,
    *,
    machines: int,
    steps: int,
    seed: int = 0,
    enough: Callable[[], bool] = lambda: False,
) -> Packed:
    """The fewest machines that were found; never more than first fit needs.

    Args:
        problem: What is packed.
        machines: So many are tried first; first fit decides where they do not do.
        steps: At most so many items are put somewhere; with it alone the result is the same
            every time.
        seed: Of ties and of what is tried.
        enough: Asked between steps; ends the search.
    """
    search = _Search(problem, machines, seed)
    best = _first_fit(problem)
    count = int(best.max(initial=-1)) + 1
    search.greedy()
    done = 0
    while True:
        if not search.homeless and search.machines.open.sum() < count:
            best, count = search.found(), int(search.machines.open.sum())
        if done >= steps or enough() or count <= problem.least:
            break
        if not search.homeless:
            if not search.close_one():
                break
        elif not search.step():
            break
        done += 1
    return Packed(best, count, done)


class _Search:
    def __init__(self, problem: Problem, machines: int, seed: int) -> None:
        self.machines = Machines(problem, machines)
        self.homeless: list[int] = []
        self._problem = problem
        self._dice = np.random.default_rng(seed)
        self._kinds: list[int] = problem.items.tolist()
        total = problem.demands[problem.items].sum(axis=0)
        self._weights = total / max(total.max(initial=0.0), 1e-12)
        self._sizes = _share(problem.demands @ self._weights)
        self._prices = self._sizes + _BEARING * _share(_intolerance(problem))
        self._moved = np.zeros(len(problem.items))
        self._since = 0

    def greedy(self) -> None:
        """Put all items; those without a place are homeless."""
        keys = self._prices[self._problem.items]
        order = np.lexsort((self._dice.random(len(keys)), -keys))
        for item in order.tolist():
            machine = self._calmest(self._kinds[item])
            if machine < 0:
                self.homeless.append(item)
            else:
                self.machines.put(item, machine)

    def found(self) -> NDArray[np.intp]:
        """The packing, its machines numbered without gaps."""
        numbers: NDArray[np.intp] = np.cumsum(self.machines.open) - 1
        return numbers[self.machines.at]

    def close_one(self) -> bool:
        """Make those on the emptiest machine homeless."""
        load = np.where(self.machines.open, self.machines.load @ self._weights, np.inf)
        machine = int(load.argmin())
        if not np.isfinite(load[machine]):
            return False
        self.homeless += self.machines.close(machine)
        self._since = 0
        return True

    def step(self) -> bool:
        """Put one homeless item; false where it has been tried too often."""
        self._since += 1
        item = self.homeless.pop(self._chosen())
        kind = self._kinds[item]
        self._moved[item] += 1
        sure = np.flatnonzero(self.machines.fits_surely(kind))
        if not (self._settle(item, sure) or self._settle_anywhere(item, kind)):
            self._replace_smaller(item, kind)
        return self._since < _STEPS_PER_MACHINE

    def _settle_anywhere(self, item: int, kind: int) -> bool:
        """On any machine with room, as it is or without those whom the kind does not bear."""
        opened = np.flatnonzero(self.machines.open)
        room = opened[self.machines.fits(kind, opened)]
        return self._settle(item, room) or self._replace_unborne(item, kind, room)

    def _chosen(self) -> int:
        """One of the largest homeless items."""
        if len(self.homeless) > 400:
            return int(self._dice.integers(len(self.homeless)))
        sizes = self._sizes[self._problem.items[self.homeless]]
        return int((sizes * self._dice.uniform(0.7, 1.0, len(sizes))).argmax())

    def _settle(self, item: int, machines: NDArray[np.intp]) -> bool:
        """Put it on the fullest of these machines that bears it."""
        kind = self._kinds[item]
        bearing = machines[self.machines.bears(kind, machines)]
        if not bearing.size:
            return False
        likeness = self.machines.coarse[bearing] @ self.machines.coarse_demands[kind]
        self.machines.put(item, int(bearing[likeness.argmax()]))
        return True

    def _replace_unborne(self, item: int, kind: int, machines: NDArray[np.intp]) -> bool:
        """Put it where those whom it does not bear are cheapest; they become homeless."""
        if not machines.size or self._dice.random() < 0.1:
            return False
        cost = self.machines.cost_of_conflicts(kind, machines, self._prices)
        cost *= self._dice.uniform(0.8, 1.2, len(machines))
        best = int(cost.argmin())
        if not np.isfinite(cost[best]):
            return False
        machine = int(machines[best])
        for other in self.machines.in_conflict(kind, machine):
            self.machines.take(other)
            self.homeless.append(other)
        self.machines.put(item, machine)
        self._prices[kind] *= 1.002  # who often comes back is dearer to drive out
        return True

    def _replace_smaller(self, item: int, kind: int) -> None:
        """Put it in the place of the smallest item that makes room; else it stays homeless."""
        opened = np.flatnonzero(self.machines.open)
        looked = self._dice.permutation(opened)[:_LOOKED_AT]
        looked = looked[self.machines.bears(kind, looked)]
        there = [other for machine in looked for other in self.machines.items[machine]]
        if not there:
            self.homeless.append(item)
            return
        others = np.array(there)
        wear = 1 + 0.05 * self._moved
        sizes = self._sizes[self._problem.items[others]] * wear[others]
        smaller = sizes < self._sizes[kind] * 1.02 * wear[item]
        others = others[smaller][np.argsort(sizes[smaller])]
        victim = self._first_that_makes_room(others, kind)
        if victim < 0:
            self.homeless.append(item)
            return
        machine = int(self.machines.at[victim])
        self.machines.take(victim)
        self.machines.put(item, machine)
        self._moved[victim] += 1
        self.homeless.append(victim)

    def _first_that_makes_room(self, others: NDArray[np.intp], kind: int) -> int:
        demands, load = self._problem.demands, self.machines.load
        for start in range(0, len(others), 128):
            some = others[start : start + 128]
            after = (
                load[self.machines.at[some]] + demands[kind] - demands[self._problem.items[some]]
            )
            good = np.flatnonzero((after <= FULL).all(axis=1))
            if good.size:
                return int(some[good[0]])
        return -1

    def _calmest(self, kind: int) -> int:
        """The machine with room whose load at the kind's busy hours is least; -1 for none."""
        likeness = self.machines.coarse @ self.machines.coarse_demands[kind]
        likeness[~self.machines.open] = np.inf
        chunk = min(48, len(likeness))
        while np.isfinite(likeness).any():
            some = np.argpartition(likeness, chunk - 1)[:chunk]
            some = some[np.argsort(likeness[some], kind="stable")]
            good = self.machines.fits(kind, some) & self.machines.bears(kind, some)
            if good.any():
                return int(some[good.argmax()])
            likeness[some] = np.inf
            chunk = min(chunk * 4, len(likeness))
        return -1


def _share(values: Floats) -> Floats:
    shares: Floats = values / max(values.max(initial=0.0), 1e-12)
    return shares


def _intolerance(problem: Problem) -> Floats:
    """How many items a kind keeps away, in either direction."""
    count = np.bincount(problem.items, minlength=len(problem.demands))
    found = np.zeros(len(problem.demands))
    for one in problem.bounds:
        if one.kind == one.other:
            found[one.kind] += 3 * count[one.kind] / one.at_most
        else:
            found[one.kind] += count[one.other] / (1 + one.at_most)
            found[one.other] += count[one.kind] / (1 + one.at_most)
    return found


def _first_fit(problem: Problem) -> NDArray[np.intp]:
    """Each item onto the first machine that takes it, in the order given."""
    size = 64
    machines = Machines(problem, size)
    used = 0
    for item, kind in enumerate(problem.items.tolist()):
        some = np.arange(used)
        room = some[machines.fits(kind, some)]
        good = room[machines.bears(kind, room)]
        target = int(good[0]) if good.size else used
        if target == size:
            machines, size = _larger(machines, problem), 2 * size
        machines.put(item, target)
        used = max(used, target + 1)
    return machines.at


def _larger(machines: Machines, problem: Problem) -> Machines:
    """The same with room for twice as many machines."""
    larger = Machines(problem, 2 * len(machines.items))
    for machine, items in enumerate(machines.items):
        for item in items:
            larger.put(item, machine)
    return larger
