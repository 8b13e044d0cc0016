"""What was decided: placements, refusals with reasons, evictions and moves."""

from __future__ import annotations

import json
from dataclasses import dataclass

from omnicloud.placement.model.canonical import canonical
from omnicloud.placement.model.options import Options
from omnicloud.placement.model.verdict import Verdict

__all__ = ["Decision", "Eviction", "Move", "Placement", "Reason", "Refusal"]


@dataclass(frozen=True, slots=True)
class Placement:
    """A workload and the node it goes to.

    Attributes:
        score: Of the node among all, 0 to 1; with aims in order, that of the first.
        scores: By objective, 0 to 1.
        gpus: Numbers of the node's devices that it uses.
        numa_zone: Number of its zone, where it asked for one.
    """

    workload: str
    node: str
    score: float
    scores: tuple[tuple[str, float], ...] = ()
    gpus: tuple[int, ...] = ()
    numa_zone: int | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why some nodes were refused.

    Attributes:
        nodes: How many nodes this rule was the first to refuse.
        nearest: The verdict on the one of them that came nearest to passing.
        node: Its name.
    """

    nodes: int
    nearest: Verdict
    node: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A workload that has no place, and why: every node is in one of the reasons."""

    workload: str
    words: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Eviction:
    """A workload that has to leave its node before ``by`` comes."""

    workload: str
    node: str
    by: str


@dataclass(frozen=True, slots=True)
class Move:
    """A placed workload that goes elsewhere, after all placements.

    Attributes:
        gain: Its part of the price per hour that the emptied node saves.
        cost: Of the move.
    """

    workload: str
    source: str
    target: str
    gain: float
    cost: float


@dataclass(frozen=True)
class Decision:
    """The same snapshot, options and plugins give the same decision, byte for byte.

    Attributes:
        snapshot_hash: Of the snapshot that it was made from.
        options: That it was made with.
        placements: In the order in which they were found and can be done.
        refusals: In the order of asking.
        evictions: Each happens before the placement of its ``by``.
        moves: In the order in which they can be done.
        nodes_used: Nodes with at least one workload afterwards.
        price_per_hour: Of the nodes used, and of reserved ones in any case.
    """

    snapshot_hash: str
    options: Options
    placements: tuple[Placement, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    evictions: tuple[Eviction, ...] = ()
    moves: tuple[Move, ...] = ()
    nodes_used: int = 0
    price_per_hour: float = 0.0

    def to_bytes(self) -> bytes:
        """The decision as JSON: sorted keys, fields at their default left out."""
        return json.dumps(canonical(self), sort_keys=True, separators=(",", ":")).encode()
