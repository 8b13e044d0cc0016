"""What came, played over a placement: overloads counted, and hot nodes relieved where wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from _packing import MEMORY_MARGIN, Node
from _traces import DAY, STEP_SECONDS, Window

from omnicloud.placement.forecast.builtin import RC_LIKE
from omnicloud.placement.forecast.gaps import whole
from omnicloud.placement.forecast.growth import Growth
from omnicloud.placement.forecast.relief import Relief, Standing, relieve
from omnicloud.placement.forecast.usage import Floats
from omnicloud.placement.forecast.vacating import Calm, Lately, vacate

RESTART_SECONDS = 60.0  # for which a workload that moves costs its request where it was
MOVES_PER_WORKLOAD = 0.2  # the budget of a week
SLO = 0.001  # share of node-intervals that may be overloaded
ROOM = 64  # nodes that may be opened
KEPT_MOVES = 0.5  # share of the moves that are left, which giving nodes back does not touch


@dataclass(frozen=True)
class Played:
    """A week on a placement.

    Attributes:
        nodes: How many there were at the end.
        usd: What their hours cost.
        overloaded: Share of node-intervals with more demand than cores.
        worst_node: The same of the worst node.
        memory_over: Node-intervals with more memory used than there is.
        moves: Off hot nodes.
        loads: In cores, shape (nodes, slots); NaN before a node was opened and after it closed.
    """

    workloads: int
    nodes: int
    node_hours: float
    usd: float
    overloaded: float
    worst_node: float
    memory_over: int
    moves: int
    moved_core_hours: float
    loads: Floats

    @property
    def density(self) -> float:
        return self.workloads / self.nodes


def play(
    window: Window,
    node_of: np.ndarray,
    node: Node,
    relief: bool,
    strict: bool,
    nodes: Sequence[Node] = (),
    moves: float = MOVES_PER_WORKLOAD,
    memory_fill: float | None = None,
    calm: int | None = None,
) -> Played:
    """One interval after another; a relief sees only those that are over.

    All nodes are like ``node``, or as told in ``nodes`` and those opened later like ``node``.
    ``moves`` is the relief's budget for each workload of the window. With a ``memory_fill`` it
    sees those as well of which more than that share of memory is in use. With ``calm`` a node
    is given back after so many quiet intervals, where the others have room.
    """
    opened = nodes or [node] * (int(node_of.max()) + 1)
    week = _Week(window, node_of, [*opened, *[node] * ROOM], strict, moves, memory_fill, calm)
    if not relief:
        return week.untouched()
    for slot in range(window.cpu_came.shape[1]):
        week.interval(slot)
        week.relieve(slot)
        week.give_back(slot)
    return week.outcome()


class _Week:
    def __init__(
        self,
        window: Window,
        node_of: np.ndarray,
        nodes: Sequence[Node],
        strict: bool,
        moves: float,
        memory_fill: float | None,
        calm: int | None,
    ) -> None:
        self._window = window
        self._memory_fill, self._short = memory_fill, False
        self._cores = np.array([one.cores for one in nodes], dtype=np.float32)
        self._gib = np.array([one.gib for one in nodes], dtype=np.float32)
        self._usd = np.array([one.usd_per_hour for one in nodes])
        self._node_of = node_of.astype(np.intp)
        self._open = len(nodes) - ROOM
        self._ready = self._open  # nodes that have started
        self._closing: set[int] = set()  # empty, paid for one interval more
        self._closed: set[int] = set()
        self._calm = None if calm is None else Calm(calm)
        self._disturbed = False
        slots = window.cpu_came.shape[1]
        self._loads = np.full((self._open + ROOM, slots), np.nan, dtype=np.float32)
        self._restarts = np.zeros(len(self._loads))
        self._growth = Growth(SLO, slots)
        self._budget = int(moves * window.count)
        self._moves, self._moved, self._memory_over = 0, 0.0, 0
        self._expected = _sizes(window)
        self._memory = _memory_profiles(window, strict)
        self._used = _with_day_before(window) if calm else ()

    def untouched(self) -> Played:
        """The whole week at once, with nothing moved."""
        self._loads[: self._open] = 0
        np.add.at(self._loads, self._node_of, self._window.cpu_came)
        memory = np.zeros((self._open, self._window.memory_came.shape[1]), dtype=np.float32)
        np.add.at(memory, self._node_of, self._window.memory_came)
        self._memory_over = int(np.count_nonzero(memory > self._gib[: self._open, np.newaxis]))
        return self.outcome()

    def interval(self, slot: int) -> None:
        """Count what the interval brought; a node that was ordered before has started."""
        self._ready = self._open
        loads = np.bincount(self._node_of, self._window.cpu_came[:, slot], len(self._loads))
        self._loads[: self._open, slot] = (loads + self._restarts)[: self._open]
        self._loads[list(self._closed), slot] = np.nan
        self._closed |= self._closing
        self._closing = set()
        self._restarts[:] = 0
        memory = np.bincount(self._node_of, self._window.memory_came[:, slot], len(self._gib))
        self._memory_over += int(np.count_nonzero(memory > self._gib))
        limits = self._gib * (self._memory_fill or np.inf)
        self._short = bool(np.any(memory > limits))

    def relieve(self, slot: int) -> None:
        """Decide by this interval for the next; a new node takes one interval to start."""
        over = int(np.count_nonzero(self._loads[: self._open, slot] > self._cores[: self._open]))
        relief = Relief((), need_node=False)
        if over or self._short:
            left = self._budget - self._moves
            relief = relieve(self._standing(slot), left, memory_fill=self._memory_fill or 1.0)
            self._follow(relief)
        grow = self._growth.after(nodes=self._open, overloaded=over, need_node=relief.need_node)
        useful = self._moves < self._budget and self._ready == self._open < len(self._loads)
        if grow and useful:
            self._open += 1
        self._disturbed = bool(over or self._short or (grow and useful))

    def give_back(self, slot: int) -> None:
        """Empty a node where it has been quiet for long; it is paid for one interval more."""
        if self._calm is None or not self._calm.after(disturbed=self._disturbed) or slot % 12:
            return
        left = int((self._budget - self._moves) * (1 - KEPT_MOVES))
        moves = vacate(self._lately(slot), left)
        self._follow(Relief(moves, need_node=False))
        if moves:
            self._closing.add(moves[0].source)
            self._calm.after(disturbed=True)

    def _lately(self, slot: int) -> Lately:
        """What was used in the day that ends now; of memory in the weeks before as well."""
        capacity = np.where(np.arange(len(self._cores)) < self._ready, self._cores, 0)
        capacity[list(self._closed | self._closing)] = 0
        cpu, memory = (one[:, slot + 1 : slot + 1 + DAY] for one in self._used)
        return Lately(
            node_of=self._node_of,
            usage=cpu,
            memory=np.hstack((self._memory, memory * MEMORY_MARGIN)),
            capacity=capacity.astype(np.float32),
            memory_capacity=self._gib,
            prices=self._usd,
        )

    def _standing(self, slot: int) -> Standing:
        limits = np.where(np.arange(len(self._cores)) < self._ready, self._cores, 0)
        limits[list(self._closed | self._closing)] = 0
        return Standing(
            node_of=self._node_of,
            usage=self._window.cpu_came[:, slot],
            expected=self._expected,
            memory=self._memory,
            capacity=limits.astype(np.float32),
            memory_capacity=self._gib,
            memory_usage=self._window.memory_came[:, slot] if self._memory_fill else None,
        )

    def _follow(self, relief: Relief) -> None:
        for move in relief.moves:
            self._node_of[move.workload] = move.target
            asked = float(self._window.cpu.requests[move.workload])
            self._restarts[move.source] += asked * RESTART_SECONDS / STEP_SECONDS
            self._moved += asked * RESTART_SECONDS / 3600
        self._moves += len(relief.moves)

    def outcome(self) -> Played:
        loads = self._loads[: self._open]
        over = loads > self._cores[: self._open, np.newaxis] + 1e-3
        exists = ~np.isnan(loads)
        hours = exists.sum(axis=1) * STEP_SECONDS / 3600
        return Played(
            workloads=self._window.count,
            nodes=self._open,
            node_hours=float(hours.sum()),
            usd=float(hours @ self._usd[: self._open]),
            overloaded=float(over.sum() / exists.sum()),
            worst_node=float(over.mean(axis=1).max()),
            memory_over=self._memory_over,
            moves=self._moves,
            moved_core_hours=self._moved,
            loads=loads,
        )


@cache
def _sizes(window: Window) -> Floats:
    """The p99 of each workload."""
    return RC_LIKE.fit(window.cpu, window.now).sizes()


@cache
def _memory_profiles(window: Window, strict: bool) -> Floats:
    """Of each workload the most in each hour of the past, with the margin; or its request."""
    if strict:
        return window.memory.requests[:, np.newaxis]
    past = whole(window.memory.before(window.now))
    hours = past.shape[1] // 12
    hourly = past[:, : hours * 12].reshape(len(past), hours, 12).max(axis=2)
    return np.asarray(hourly * MEMORY_MARGIN, dtype=np.float32)


@cache
def _with_day_before(window: Window) -> tuple[Floats, Floats]:
    """What came of CPU and memory, after that of the day before; shape (workloads, slots)."""
    cpu, memory = (whole(one.before(window.now)) for one in (window.cpu, window.memory))
    return (
        np.hstack((cpu[:, -DAY:], window.cpu_came)),
        np.hstack((memory[:, -DAY:], window.memory_came)),
    )
