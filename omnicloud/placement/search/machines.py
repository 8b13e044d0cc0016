"""The machines while they are packed: sums, counts, and what fits where."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.search.problem import FULL, Floats, Problem

__all__ = ["Machines"]

_GROUP = 8
"""So many columns are one in the coarse view: its maxima bound the sums from above."""


class Machines:
    """Loads of machines, some of which are closed.

    Attributes:
        load: By machine and column.
        coarse: By machine and group of columns, the greatest of each group.
        counts: Items by kind and machine.
        items: The items on each machine.
        at: The machine of each item, -1 where it has none.
        open: Which machines are in use.
    """

    def __init__(self, problem: Problem, machines: int) -> None:
        self.problem = problem
        kinds, columns = problem.demands.shape
        self._starts = np.arange(0, columns, _GROUP)
        self.coarse_demands = np.maximum.reduceat(problem.demands, self._starts, axis=1)
        self._peaks: list[int] = problem.demands.argmax(axis=1).tolist()
        self.load = np.zeros((machines, columns))
        self.coarse = np.zeros((machines, len(self._starts)))
        self.counts = np.zeros((kinds, machines), dtype=np.int32)
        self.items: list[list[int]] = [[] for _ in range(machines)]
        self.at = np.full(len(problem.items), -1, dtype=np.intp)
        self.open = np.ones(machines, dtype=np.bool_)
        self._kinds: list[int] = problem.items.tolist()
        total = problem.demands[problem.items].sum(axis=0)
        wanted = np.maximum.reduceat(total, self._starts)
        self._weights = wanted / max(wanted.max(initial=0.0), 1e-12)
        self._crowding = np.zeros(machines)
        self._after = np.empty_like(self.coarse)
        self._alone = np.full(kinds, np.iinfo(np.int32).max, dtype=np.int64)
        self._beside: list[list[tuple[int, int]]] = [[] for _ in range(kinds)]
        self._borne: list[list[tuple[int, int]]] = [[] for _ in range(kinds)]
        for one in problem.bounds:
            if one.kind == one.other:
                self._alone[one.kind] = min(self._alone[one.kind], one.at_most)
            else:
                self._beside[one.kind].append((one.other, one.at_most))
                self._borne[one.other].append((one.kind, one.at_most))

    def put(self, item: int, machine: int) -> None:
        """Put an item there. Asks nothing."""
        kind = self._kinds[item]
        self.load[machine] += self.problem.demands[kind]
        self._changed(machine, kind, 1)
        self.at[item] = machine
        self.items[machine].append(item)

    def take(self, item: int) -> None:
        """Take an item from where it is."""
        kind, machine = self._kinds[item], int(self.at[item])
        self.load[machine] -= self.problem.demands[kind]
        self._changed(machine, kind, -1)
        self.at[item] = -1
        self.items[machine].remove(item)

    def close(self, machine: int) -> list[int]:
        """Give a machine up; the items that were on it."""
        items = list(self.items[machine])
        for item in items:
            self.take(item)
        self.open[machine] = False
        return items

    def fits_surely(self, kind: int) -> NDArray[np.bool_]:
        """By the coarse view: fits for certain, may fit elsewhere too."""
        fits: NDArray[np.bool_] = (self.coarse + self.coarse_demands[kind] <= FULL).all(axis=1)
        fits &= self.open
        return fits

    def fits(self, kind: int, machines: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether there is room on these machines."""
        demand, peak = self.problem.demands[kind], self._peaks[kind]
        room: NDArray[np.bool_] = self.load[machines, peak] + demand[peak] <= FULL
        room &= self.open[machines]
        left = np.flatnonzero(room)  # most machines are full in the column that is asked most
        room[left] = (self.load[machines[left]] + demand <= FULL).all(axis=1)
        return room

    def takes(self, kind: int, machine: int) -> bool:
        """Whether one machine has room and bears it."""
        if not self.open[machine] or (self.load[machine] + self.problem.demands[kind]).max() > FULL:
            return False
        counts = self.counts[:, machine]
        own = counts[kind]
        return bool(
            own < self._alone[kind]
            and not any(counts[other] > most for other, most in self._beside[kind])
            and not any(own >= most and counts[other] for other, most in self._borne[kind])
        )

    def crowding(self, kind: int) -> Floats:
        """By how much one more of the kind crowds each machine at its full hours.

        Measured is the sum over hours of the fourth power of the load, weighed by how scarce the
        resource is: what is nearly full counts most, so that loads are evened out where it
        matters, over all columns at once.
        """
        after = np.add(self.coarse, self.coarse_demands[kind], out=self._after)
        after *= after
        after *= after
        crowding: Floats = after @ self._weights
        crowding -= self._crowding
        return crowding

    def bears(self, kind: int, machines: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether one more of the kind breaks no bound on these machines."""
        own = self.counts[kind, machines]
        good: NDArray[np.bool_] = own < self._alone[kind]
        for other, most in self._beside[kind]:
            good &= self.counts[other, machines] <= most
        for other, most in self._borne[kind]:
            good &= (self.counts[other, machines] == 0) | (own < most)
        return good

    def cost_of_conflicts(self, kind: int, machines: NDArray[np.intp], prices: Floats) -> Floats:
        """The price of all that would have to leave; infinite where the kind bars itself."""
        own = self.counts[kind, machines]
        cost = np.where(own < self._alone[kind], 0.0, np.inf)
        for other, most in self._beside[kind]:
            cost += np.maximum(self.counts[other, machines] - most, 0) * prices[other]
        for other, most in self._borne[kind]:
            there = self.counts[other, machines]
            cost += np.where(own >= most, there, 0) * prices[other]
        return cost

    def in_conflict(self, kind: int, machine: int) -> list[int]:
        """The items that have to leave so that one more of the kind can come."""
        spare = dict(self._beside[kind])
        own = self.counts[kind, machine]
        spare.update({other: 0 for other, most in self._borne[kind] if own >= most})
        found: list[int] = []
        for item in self.items[machine]:
            other = self._kinds[item]
            if other in spare:
                spare[other] -= 1
                found += [item] if spare[other] < 0 else []
        return found

    def _changed(self, machine: int, kind: int, by: int) -> None:
        self.counts[kind, machine] += by
        coarse = np.maximum.reduceat(self.load[machine], self._starts)
        self.coarse[machine] = coarse
        self._crowding[machine] = coarse**4 @ self._weights
