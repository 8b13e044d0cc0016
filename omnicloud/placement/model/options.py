"""How to place: what is packed, what is liked best, what may be disturbed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Aim", "Basis", "Options"]


class Basis(StrEnum):
    """By which amounts workloads are packed."""

    REQUEST = "request"
    FORECAST = "forecast"
    """By the forecast, where a workload has one, otherwise by its request; so for each amount."""


@dataclass(frozen=True, slots=True)
class Aim:
    """An objective and how much it counts beside the others.

    Attributes:
        objective: Its name in the catalogue, such as ``density``.
        weight: More than 0; not read where the order alone decides.
    """

    objective: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a decision was asked to do.

    Attributes:
        aims: By their weighted mean, or one after the other.
        lexicographic: The first aim decides, the next among those equal in it, and so on.
        basis: What is packed.
        preemption: Whether a workload may take the place of others of lower priority.
        move_budget: How many placed workloads may be moved in order to empty nodes.
        move_price: What a move costs, in the currency of the nodes' price; nodes are emptied
            where that saves more within an hour than it costs.
        spare_nodes: How many nodes of each kind in use stay empty, so that the workloads of
            as many that fail have a place to go to, whatever they ask.
        verify_top: How many of the best-scored nodes a verifier is asked about.
        refuse_impossible: A workload that no node could ever take is refused, and the rest
            placed; otherwise it is an error, and nothing is placed.
    """

    aims: tuple[Aim, ...] = (Aim("density"),)
    lexicographic: bool = False
    basis: Basis = Basis.REQUEST
    preemption: bool = False
    move_budget: int = 0
    move_price: float = 0.0
    spare_nodes: int = 0
    verify_top: int = 64
    refuse_impossible: bool = False
