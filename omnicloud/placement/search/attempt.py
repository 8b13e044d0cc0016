"""One number of machines is tried."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.search.budget import Budget
from omnicloud.placement.search.first_fit import first_fit
from omnicloud.placement.search.machines import Machines
from omnicloud.placement.search.problem import FULL, Floats, Problem

__all__ = ["Attempt"]

_BEARING = 0.5  # how much earlier the least tolerant kind comes than the largest
_LOOKED_AT = 160  # machines in which something smaller is sought
_ONE_BY_ONE = 6  # machines that are looked at alone, which is quicker than a few together


class Attempt:
    """One number of machines: greedy first, then what found no place is mended in.

    Args:
        problem: What is packed.
        machines: How many.
        seed: Of ties and of what is tried.
        budget: Of steps; each item that is put somewhere is one.

    Attributes:
        homeless: Items without a place.
    """

    def __init__(self, problem: Problem, machines: int, seed: int, budget: Budget) -> None:
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
        self._budget = budget

    @property
    def complete(self) -> bool:
        """Whether every item has a place."""
        return not self.homeless

    def greedy(self) -> None:
        """Put all items; those without a place are homeless."""
        keys = self._prices[self._problem.items]
        order = np.lexsort((self._dice.random(len(keys)), -keys)).tolist()
        for number, item in enumerate(order):
            if self._budget.over(often=number):
                self.homeless += order[number:]
                return
            self._budget.spend()
            machine = self._calmest(self._kinds[item])
            if machine < 0:
                self.homeless.append(item)
            else:
                self.machines.put(item, machine)

    def mend(self, patience: int) -> None:
        """Find places for homeless items until none is left or their number no longer falls."""
        fewest, since = len(self.homeless), 0
        while self.homeless and since < patience and not self._budget.over():
            self._budget.spend()
            self._step()
            since += 1
            if len(self.homeless) < fewest:
                fewest, since = len(self.homeless), 0

    def packed(self) -> NDArray[np.intp]:
        """The packing, its machines numbered without gaps, with more of them for the homeless."""
        numbers: NDArray[np.intp] = np.cumsum(self.machines.open) - 1
        at = numbers[self.machines.at]
        if self.homeless:
            problem = self._problem
            left = Problem(problem.demands, problem.items[self.homeless], problem.bounds)
            at[self.homeless] = first_fit(left) + int(self.machines.open.sum())
        return at

    def close_one(self) -> bool:
        """Make those on the emptiest machine homeless; false where no machine is left."""
        load = np.where(self.machines.open, self.machines.load @ self._weights, np.inf)
        machine = int(load.argmin())
        if not np.isfinite(load[machine]):
            return False
        self.homeless += self.machines.close(machine)
        return True

    def _step(self) -> None:
        item = self.homeless.pop(self._chosen())
        kind = self._kinds[item]
        self._moved[item] += 1
        sure = np.flatnonzero(self.machines.fits_surely(kind))
        if not (self._settle(item, sure) or self._settle_anywhere(item, kind)):
            self._replace_smaller(item, kind)

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
        """The machine with room that the kind crowds least; -1 for none."""
        crowding = self.machines.crowding(kind)
        for _ in range(_ONE_BY_ONE):
            machine = int(crowding.argmin())
            if self.machines.takes(kind, machine):
                return machine
            crowding[machine] = np.inf
        chunk = min(48, len(crowding))
        while np.isfinite(crowding).any():
            some = np.argpartition(crowding, chunk - 1)[:chunk]
            some = some[np.argsort(crowding[some], kind="stable")]
            good = self.machines.fits(kind, some) & self.machines.bears(kind, some)
            if good.any():
                return int(some[good.argmax()])
            crowding[some] = np.inf
            chunk = min(chunk * 4, len(crowding))
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
