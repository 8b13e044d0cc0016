"""Giving a node back in quiet times: which one, and where its workloads go.

Relief opens nodes for a coincidence or a change of level, and what has passed needs them no
longer. A node goes when what it carries fits onto the others by what all of them used lately.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.forecast.amounts import require_amounts, require_numbers
from omnicloud.placement.forecast.relief import ReliefMove
from omnicloud.placement.forecast.usage import Floats

__all__ = ["Calm", "Lately", "vacate"]


class Calm:
    """Counts the intervals since something was over, or nodes changed.

    Args:
        patience: Quiet intervals in a row before a node may go, and between two that go.

    Raises:
        InvalidArgumentError: Below one.
    """

    def __init__(self, patience: int) -> None:
        if patience < 1:
            raise InvalidArgumentError(f"patience is {patience}, it must be 1 or more")
        self._patience, self._quiet = patience, 0

    def after(self, *, disturbed: bool) -> bool:
        """Whether a node may go after this interval; if one goes, the next ``disturbed`` is true.

        Args:
            disturbed: A node was over its capacity or short of memory, or opened, or closed.
        """
        self._quiet = 0 if disturbed else self._quiet + 1
        return self._quiet >= self._patience


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Lately:
    """How nodes and workloads were used lately, up to now.

    Attributes:
        node_of: Number of the node of each workload, shape ``(workloads,)``.
        usage: Of each workload in each interval, shape ``(workloads, intervals)``; a whole day
            shows what comes each day.
        memory: Of each, in as many or fewer intervals, with the margin that it needs.
        capacity: Of each node, in the unit of ``usage``; zero where it is closed.
        memory_capacity: Of each node.
        prices: Of each node.
    """

    node_of: NDArray[np.intp]
    usage: Floats
    memory: Floats
    capacity: Floats
    memory_capacity: Floats
    prices: Floats

    def __post_init__(self) -> None:
        """Refuse gaps and shapes that do not fit.

        Raises:
            InvalidArgumentError: An amount that is none, no interval, or a node that is not there.
        """
        require_amounts(len(self.node_of), {"usage": self.usage, "memory": self.memory})
        nodes = {"capacity": self.capacity, "memory_capacity": self.memory_capacity}
        require_amounts(len(self.capacity), nodes | {"prices": self.prices})
        require_numbers("node_of", self.node_of, len(self.capacity))
        if not (self.usage.shape[1:] > (0,) and self.memory.shape[1:] > (0,)):
            raise InvalidArgumentError("usage and memory of at least one interval are needed")


def vacate(
    lately: Lately, budget: int, *, fill: float = 0.9, memory_fill: float = 0.9
) -> tuple[ReliefMove, ...]:
    """Moves that empty one node, all that it carries; nothing where no node can go.

    Of the nodes that can go it is the one that saves most for each move; the first of equals.
    Its workloads, the largest first, go each to the fullest node on which the sum of what was
    used stays below ``fill`` of the capacity in every interval, and below ``memory_fill`` of
    the memory.

    Args:
        budget: The most moves.

    Raises:
        InvalidArgumentError: A share outside 0..1.
    """
    if not (0 < fill <= 1 and 0 < memory_fill <= 1):
        raise InvalidArgumentError(
            f"fill is {fill} and memory_fill {memory_fill}, above 0 and at most 1 are needed"
        )
    counts = np.bincount(lately.node_of, minlength=len(lately.capacity))
    may = np.flatnonzero((lately.capacity > 0) & (counts > 0) & (counts <= budget))
    gains = lately.prices[may] / counts[may]
    nodes = len(lately.capacity)
    room = (
        (fill * lately.capacity)[:, np.newaxis] - _sums(lately.node_of, lately.usage, nodes),
        (memory_fill * lately.memory_capacity)[:, np.newaxis]
        - _sums(lately.node_of, lately.memory, nodes),
    )
    for node in may[np.argsort(-gains, kind="stable")].tolist():
        moves = _emptied(lately, node, room[0].copy(), room[1].copy())
        if moves:
            return moves
    return ()


def _emptied(lately: Lately, node: int, cpu: Floats, memory: Floats) -> tuple[ReliefMove, ...]:
    """Where all that a node carries would go, given the room; nothing where one finds none."""
    there = np.flatnonzero(lately.node_of == node)
    peaks = lately.usage[there].max(axis=1)
    moves: list[ReliefMove] = []
    for workload in there[np.argsort(-peaks, kind="stable")].tolist():
        left = (cpu - lately.usage[workload]).min(axis=1)
        fits = (left >= 0) & (lately.capacity > 0)
        fits &= (memory - lately.memory[workload]).min(axis=1) >= 0
        fits[node] = False
        if not fits.any():
            return ()
        target = int(np.argmin(np.where(fits, left, np.inf)))
        cpu[target] -= lately.usage[workload]
        memory[target] -= lately.memory[workload]
        moves.append(ReliefMove(workload, node, target))
    return tuple(moves)


def _sums(node_of: NDArray[np.intp], amounts: Floats, nodes: int) -> Floats:
    sums = np.zeros((nodes, amounts.shape[1]), dtype=np.float32)
    np.add.at(sums, node_of, amounts)
    return sums
