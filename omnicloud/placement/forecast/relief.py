"""Moves off nodes that carry too much right now, and the wish for one more node.

A forecast that must never be too low is dear: it keeps room on every node for a coincidence
that comes to few of them. Watching the nodes and moving one or two workloads when it comes is
cheaper, and it is the answer to changes of level that no past shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.forecast.amounts import require_amounts, require_numbers
from omnicloud.placement.forecast.usage import Floats

__all__ = ["Relief", "ReliefMove", "Standing", "relieve"]


_LEAST = 0.01
"""Of a node's capacity: what uses less is not worth a move."""


@dataclass(frozen=True, slots=True)
class ReliefMove:
    """A workload and where it goes, all by number."""

    workload: int
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Relief:
    """What to do after an interval.

    Attributes:
        moves: In order; within the budget.
        need_node: A node is still over its capacity and no other has room: open one.
    """

    moves: tuple[ReliefMove, ...]
    need_node: bool


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Standing:
    """How things stand at the end of an interval.

    Attributes:
        node_of: Number of the node of each workload, shape ``(workloads,)``.
        usage: What each workload used in the interval.
        expected: What each is expected to use at most, such as its p99; ranks the targets.
        memory: Profiles of the memory expected of each, margin included, shape
            ``(workloads, slots)``; one slot for plain sizes. A move never brings the sum on its
            target over the memory there.
        capacity: Of each node, in the unit of ``usage``; zero closes a node.
        memory_capacity: Of each node.
        memory_usage: What each used in the interval; ``None`` where nobody measures it, and
            then memory takes no part but by what is expected.
    """

    node_of: NDArray[np.intp]
    usage: Floats
    expected: Floats
    memory: Floats
    capacity: Floats
    memory_capacity: Floats
    memory_usage: Floats | None = None

    def __post_init__(self) -> None:
        """Refuse gaps and shapes that do not fit.

        Raises:
            InvalidArgumentError: An amount that is none, or a node that is not there.
        """
        workloads = {"usage": self.usage, "expected": self.expected, "memory": self.memory}
        if self.memory_usage is not None:
            workloads["memory_usage"] = self.memory_usage
        require_amounts(len(self.node_of), workloads)
        nodes = {"capacity": self.capacity, "memory_capacity": self.memory_capacity}
        require_amounts(len(self.capacity), nodes)
        require_numbers("node_of", self.node_of, len(self.capacity))


def relieve(
    now: Standing,
    budget: int,
    *,
    fill: float = 0.97,
    reserve: float = 0.5,
    tries: int = 6,
    memory_fill: float = 0.9,
) -> Relief:
    """Moves that bring every node that is over its capacity below it again.

    Memory goes first, and earlier: it cannot be shared by waiting, so a node of which more than
    ``memory_fill`` is in use gives workloads away before it is full.

    From the hottest node on, the smallest workload that brings it down to ``fill`` goes to the
    node that is emptiest by what it carries and by ``reserve`` times what it is expected to
    carry, and stays below ``fill`` there. Nothing is moved to a node without the memory.

    Args:
        budget: The most moves.
        fill: Share of the capacity up to which nodes are filled by moves.
        reserve: Weight of the expected use when targets are ranked.
        tries: The most moves off one node in one interval.
        memory_fill: Share of a node's memory up to which it may be in use.

    Raises:
        InvalidArgumentError: A share outside 0..1, or a weight below 0.
    """
    if not (0 < fill <= 1 and 0 < memory_fill <= 1 and 0 <= reserve < math.inf):
        raise InvalidArgumentError(
            f"fill is {fill}, memory_fill {memory_fill} and reserve {reserve}",
            hint="shares are above 0 and at most 1, a weight is 0 or more",
        )
    plan = _Plan(now, max(budget, 0), fill, reserve, memory_fill)
    for source in plan.short_of_memory():
        plan.empty(int(source), tries)
    over = np.flatnonzero(plan.loads > now.capacity)
    for source in over[np.argsort(-plan.loads[over], kind="stable")]:
        plan.cool(int(source), tries)
    return Relief(tuple(plan.moves), plan.stuck)


class _Plan:
    """The loads as they become while moves are planned."""

    def __init__(
        self, now: Standing, budget: int, fill: float, reserve: float, memory_fill: float
    ) -> None:
        self._now, self._left, self._reserve = now, budget, reserve
        nodes = len(now.capacity)
        self._node_of = now.node_of.copy()
        self._limits = fill * now.capacity
        self.loads = _sums(self._node_of, now.usage, nodes)
        self._expected = _sums(self._node_of, now.expected, nodes)
        self._memory = np.zeros((nodes, now.memory.shape[1]), dtype=np.float32)
        np.add.at(self._memory, self._node_of, now.memory)
        self._uses: Floats = np.zeros(len(now.usage), dtype=np.float32)
        if now.memory_usage is not None:
            self._uses = now.memory_usage
        self._in_use = _sums(self._node_of, self._uses, nodes)
        self._memory_limits = memory_fill * now.memory_capacity
        self.moves: list[ReliefMove] = []
        self.stuck = False

    def short_of_memory(self) -> NDArray[np.intp]:
        """Nodes with more memory in use than they should have, those with the most first."""
        excess = self._in_use - self._memory_limits
        short = np.flatnonzero(excess > 0)
        return short[np.argsort(-excess[short], kind="stable")]

    def cool(self, source: int, tries: int) -> None:
        """Plan moves off the node until it is below its limit, or there is no way."""
        for _ in range(tries):
            if self.loads[source] <= self._limits[source] or not self._left:
                return
            workload = self._choice(source)
            target = -1 if workload < 0 else self._target(source, workload)
            if target < 0:
                break
            self._move(workload, source, target)
        self.stuck |= bool(self.loads[source] > self._now.capacity[source])

    def empty(self, source: int, tries: int) -> None:
        """Plan moves off the node until its memory is below its limit, or there is no way."""
        for _ in range(tries):
            if self._in_use[source] <= self._memory_limits[source] or not self._left:
                return
            workload, target = self._larger(source)
            if target < 0:
                self.stuck = True
                return
            self._move(workload, source, target)

    def _larger(self, source: int) -> tuple[int, int]:
        """The smallest that frees enough memory and where it goes, or else the greatest."""
        there = np.flatnonzero(self._node_of == source)
        there = there[self._uses[there] >= _LEAST * self._now.memory_capacity[source]]
        order = there[np.argsort(self._uses[there], kind="stable")]
        excess = self._in_use[source] - self._memory_limits[source]
        place = int(np.searchsorted(self._uses[order], excess))
        for workload in (*order[place:].tolist(), *order[:place][::-1].tolist()):
            target = self._target(source, workload)
            if target >= 0:
                return workload, target
        return -1, -1

    def _choice(self, source: int) -> int:
        """The smallest that is enough, or else the greatest, of those with room elsewhere."""
        room = self._limits - self.loads
        room[source] = 0
        there = np.flatnonzero((self._node_of == source) & (self._now.usage <= room.max()))
        usage = self._now.usage[there]
        if not len(there) or usage.max() < _LEAST * self._now.capacity[source]:
            return -1
        order = np.argsort(usage, kind="stable")
        excess = self.loads[source] - self._limits[source]
        place = min(int(np.searchsorted(usage[order], excess)), len(there) - 1)
        return int(there[order[place]])

    def _target(self, source: int, workload: int) -> int:
        fits = self._fits(workload)
        fits[source] = False
        if not fits.any():
            return -1
        rank = np.maximum(self.loads, self._reserve * self._expected)
        return int(np.argmin(np.where(fits, rank, np.inf)))

    def _fits(self, workload: int) -> NDArray[np.bool_]:
        """Which nodes have the room now and the memory for their expected peak."""
        now = self._now
        peaks = (self._memory + now.memory[workload]).max(axis=1)
        room = (now.capacity > 0) & (self.loads + now.usage[workload] <= self._limits)
        room &= self._in_use + self._uses[workload] <= self._memory_limits
        return np.asarray(room & (peaks <= now.memory_capacity), dtype=np.bool_)

    def _move(self, workload: int, source: int, target: int) -> None:
        now = self._now
        for node, sign in ((source, -1), (target, 1)):
            self.loads[node] += sign * now.usage[workload]
            self._expected[node] += sign * now.expected[workload]
            self._memory[node] += sign * now.memory[workload]
            self._in_use[node] += sign * self._uses[workload]
        self._node_of[workload] = target
        self._left -= 1
        self.moves.append(ReliefMove(workload, source, target))


def _sums(node_of: NDArray[np.intp], amounts: Floats, nodes: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(node_of, amounts, nodes), dtype=np.float64)
