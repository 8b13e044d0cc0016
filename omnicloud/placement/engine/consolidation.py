"""Empties nodes by moving what is on them, within a budget of moves."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from omnicloud.placement.engine.placer import Placer
from omnicloud.placement.engine.preemption import may_leave
from omnicloud.placement.model.decision import Move
from omnicloud.placement.model.node import Terms
from omnicloud.placement.model.workload import Workload

__all__ = ["consolidate"]


def consolidate(placer: Placer, fresh: Collection[str]) -> list[Move]:
    """Move all workloads of some nodes to others that are in use; all of a node or none.

    The nodes where a move saves most come first. No node that got a workload is emptied
    afterwards, so that nothing moves twice.

    Args:
        placer: With the fleet as it is; changed.
        fresh: Names of workloads that were just placed; they do not move.
    """
    fleet, options = placer.fleet, placer.options
    moves: list[Move] = []
    receivers: set[int] = set()
    for row in _worth_emptying(placer):
        residents = tuple(fleet.residents[row].values())
        left = options.move_budget - len(moves)
        if row in receivers or len(residents) > left or any(w.name in fresh for w in residents):
            continue
        targets = _emptied(placer, row, residents)
        if targets is None:
            continue
        receivers.update(targets)
        gain = _price(placer, row) / len(residents)
        for workload, target in zip(residents, targets, strict=True):
            names = fleet.nodes[row].name, fleet.nodes[target].name
            moves.append(Move(workload.name, *names, gain, options.move_price))
    return moves


def _worth_emptying(placer: Placer) -> list[int]:
    """Rows by what a move on them saves, most first."""
    counts, price = placer.fleet.counts, placer.options.move_price
    gains = [
        (_price(placer, int(row)) / counts[row], -int(row))
        for row in np.flatnonzero(counts)
        if _price(placer, int(row)) > price * counts[row]
    ]
    return [-row for _, row in sorted(gains, reverse=True)]


def _price(placer: Placer, row: int) -> float:
    """What a node that is empty saves per hour; 1 each where nobody said a price."""
    nodes = placer.fleet.nodes
    if not any(node.price_per_hour for node in nodes):
        return 1.0
    return 0.0 if nodes[row].terms is Terms.RESERVED else nodes[row].price_per_hour


def _emptied(placer: Placer, row: int, residents: tuple[Workload, ...]) -> list[int] | None:
    """Move all of them; the rows where they are now. Nothing is changed where one cannot."""
    fleet = placer.fleet
    targets: list[int] = []
    for workload in residents:
        target = -1
        if may_leave(placer, workload, for_good=False):
            fleet.remove(workload.name)
            allowed = fleet.counts > 0
            allowed[row] = False
            target = placer.find(workload, allowed)
            fleet.add(workload, target if target >= 0 else row)
        if target < 0:
            _undo(placer, row, residents[: len(targets)])
            return None
        targets.append(target)
    return targets


def _undo(placer: Placer, row: int, moved: tuple[Workload, ...]) -> None:
    for workload in reversed(moved):
        placer.fleet.remove(workload.name)
        placer.fleet.add(workload, row)
