"""Where a workload keeps a node for the least time longer, by the chances of all to leave."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
from numpy.typing import NDArray

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.forecast.survival import HORIZONS_SECONDS, Kinds, Survival
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.protocol import Objective, Scope, Score

__all__ = ["HELD", "Stay", "Stays"]

HELD = 0.1
"""What an hour costs in which all of a node is free but held by others, in hours of a node."""
_WIDTHS = np.diff(HORIZONS_SECONDS, prepend=0.0)
_LEAST = 1e-6  # no chance to leave is zero: products of many must not lose what comes after


class Stays:
    """The chance of each node to be empty after each horizon, shape ``(nodes, horizons)``.

    Companions, such as machines that came in one batch, count once on a node, as the first of
    them: they leave together. Until :meth:`learn` every workload is expected to stay.
    """

    def __init__(self, fleet: Fleet) -> None:
        self.now = 0.0
        self.held = HELD
        self.empty: Floats = np.ones((len(fleet), len(HORIZONS_SECONDS)))
        self._fleet = fleet
        self._survival: Survival | None = None
        self._kinds: Callable[[Workload], Kinds] = _unlike
        self._companions: Callable[[Workload], Hashable] = _by_name
        self._units = _Units()
        self._stale: set[int] = set()

    def learn(
        self,
        survival: Survival,
        kinds: Callable[[Workload], Kinds],
        companions: Callable[[Workload], Hashable] | None = None,
        held: float = HELD,
    ) -> None:
        """Tell chances by this; those that are there already count as having come now.

        Args:
            survival: From lifetimes of the past.
            kinds: What a workload is like; of its fields other than the name.
            companions: Equal for those that leave together; each by itself unless said.
            held: See :class:`Stay`; 0..1.

        Raises:
            InvalidArgumentError: ``held`` is outside 0..1.
        """
        if not 0 <= held <= 1:
            raise InvalidArgumentError(f"held is {held}, it must be from 0 to 1")
        self.held = held
        self._survival, self._kinds = survival, kinds
        self._companions = companions or _by_name
        self._units = _Units()
        self.empty[:] = 1.0
        for row, workload in self._fleet.placed():
            self.added(row, workload)
        self._fleet.new_epoch()

    def advance(self, now: float) -> None:
        """It is ``now``, in seconds: everybody's chances change with age."""
        self.now = now
        self._stale.clear()
        self.empty[:] = 1.0
        self._count(self._units.all())

    def chances(self, workload: Workload) -> Floats:
        """Of one that comes now, to be there yet after each horizon."""
        if self._survival is None:
            return np.ones(len(HORIZONS_SECONDS))
        curve = np.array([self._survival.curve(self._kinds(workload))])
        found: Floats = self._survival.chances(curve, np.zeros(1))[0]
        return found

    def left(self, rows: Rows) -> Floats:
        """The chance of these nodes to be empty."""
        for row in self._stale:
            self.empty[row] = 1.0
            self._count(self._units.on(row))
        self._stale.clear()
        return self.empty[rows]

    def added(self, row: int, workload: Workload) -> None:
        """It came now."""
        curve = self._survival.curve(self._kinds(workload)) if self._survival else 0
        new = self._units.add(workload.name, row, self._companions(workload), self.now, curve)
        if new and row not in self._stale:
            self._count(np.array([self._units.of(workload.name)]))

    def removed(self, row: int, workload: Workload) -> None:
        """It left; the node's chances are worked out when they are asked for."""
        self._units.remove(workload.name)
        self._stale.add(row)

    def _count(self, units: NDArray[np.intp]) -> None:
        """Multiply the chances of nodes to be empty by those of what is on them to have left."""
        stay = np.ones((len(units), len(HORIZONS_SECONDS)))
        if self._survival is not None:
            ages = self.now - self._units.came[units]
            stay = self._survival.chances(self._units.curve[units], ages)
        np.multiply.at(self.empty, self._units.row[units], np.maximum(1.0 - stay, _LEAST))


class _Units:
    """Companions on a node, in columns; a row below zero is unused."""

    def __init__(self) -> None:
        self.row = np.full(64, -1, dtype=np.intp)
        self.came: Floats = np.zeros(64)
        self.curve = np.zeros(64, dtype=np.intp)
        self._keys: list[tuple[int, Hashable] | None] = [None] * 64
        self._members = [0] * 64
        self._slots: dict[tuple[int, Hashable], int] = {}
        self._slot_of: dict[str, int] = {}
        self._unused = list(range(63, -1, -1))

    def add(self, name: str, row: int, companions: Hashable, came: float, curve: int) -> bool:
        """Whether it is the first of its companions there."""
        slot = self._slots.get((row, companions))
        new = slot is None
        if slot is None:
            slot = self._fresh()
            self._slots[row, companions] = slot
            self._keys[slot] = row, companions
            self.row[slot], self.came[slot], self.curve[slot] = row, came, curve
        self._members[slot] += 1
        self._slot_of[name] = slot
        return new

    def remove(self, name: str) -> None:
        slot = self._slot_of.pop(name)
        self._members[slot] -= 1
        key = self._keys[slot]
        if not self._members[slot] and key is not None:
            del self._slots[key]
            self._keys[slot] = None
            self.row[slot] = -1
            self._unused.append(slot)

    def of(self, name: str) -> int:
        return self._slot_of[name]

    def all(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.row >= 0)

    def on(self, row: int) -> NDArray[np.intp]:
        return np.flatnonzero(self.row == row)

    def _fresh(self) -> int:
        if not self._unused:
            size = len(self.row)
            self.row = np.concatenate([self.row, np.full(size, -1, dtype=np.intp)])
            self.came = np.concatenate([self.came, np.zeros(size)])
            self.curve = np.concatenate([self.curve, np.zeros(size, dtype=np.intp)])
            self._keys += [None] * size
            self._members += [0] * size
            self._unused = list(range(2 * size - 1, size - 1, -1))
        return self._unused.pop()


class Stay(Objective):
    """By how much the node is expected to be in use for longer: little is good.

    For each horizon the chance that the node is empty then and the workload still there. Takes
    chances instead of times: re-prediction at every age, as in Ling et al., "LAVA: Lifetime-Aware
    VM Allocation with Learned Distributions and Adaptation to Mispredictions", MLSys 2025.

    To that comes, times ``held`` and the workload's share of the node, the chance that the
    workload has left and the node is in use yet: room on a node that others hold for long is
    better kept for one that stays as long, even if a node is opened for one that does not.
    """

    name = "stay"

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """Concerns every workload."""
        return _Longer(fleet, workload)


class _Longer(Score):
    scope = Scope.SHARED  # time passes on every node
    bounds = (-float(_WIDTHS.sum()), 0.0)

    def __init__(self, fleet: Fleet, workload: Workload) -> None:
        self._stays = fleet.book(Stays)
        chances = self._stays.chances(workload)
        self._longer = chances * _WIDTHS
        self._after = (1.0 - chances) * _WIDTHS
        demand = fleet.demand(workload)
        parts = fleet.shares * demand[:, np.newaxis]
        self._held = self._stays.held * np.minimum(parts.max(axis=0, initial=0.0), 1.0)

    def raw(self, rows: Rows) -> Floats:
        empty = self._stays.left(rows)
        waiting = self._after.sum() - empty @ self._after
        cost: Floats = empty @ self._longer + self._held[rows] * waiting
        return -cost


def _unlike(workload: Workload) -> Kinds:
    return ()


def _by_name(workload: Workload) -> Hashable:
    return workload.name
