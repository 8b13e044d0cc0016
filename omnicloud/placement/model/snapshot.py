"""A fleet and what is to be placed on it at one moment; immutable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from omnicloud.placement.model.canonical import digest
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.workload import Workload

__all__ = ["Latency", "Placed", "Snapshot"]


@dataclass(frozen=True, slots=True)
class Placed:
    """A workload that is on a node already.

    Attributes:
        gpus: Numbers of the devices that it uses; where nobody knows, they are assumed to have
            been chosen as the engine chooses.
        numa_zone: The same of its zone.
    """

    workload: Workload
    node: str
    gpus: tuple[int, ...] = ()
    numa_zone: int | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """The round trip between two places, in both directions.

    Attributes:
        one: A region, or a zone as ``region/zone``.
        other: The same; may be ``one`` itself.
        seconds: Of a round trip.
    """

    one: str
    other: str
    seconds: float


@dataclass(frozen=True)
class Snapshot:
    """What a decision is made from. The order of nodes says nothing, that of ``pending`` does.

    Attributes:
        nodes: Sorted by name.
        placed: Sorted by the workload's name.
        pending: To be placed; among equals in priority the first comes first.
        latencies: Between places, sorted. A zone without an entry counts as its region; two
            different regions without one are out of each other's reach.
        gone: Names of workloads that had a place and have none now, sorted: what is placed may
            still depend on them and talk to them. Whoever is pending and depends on one waits.
    """

    nodes: tuple[Node, ...]
    placed: tuple[Placed, ...] = ()
    pending: tuple[Workload, ...] = ()
    latencies: tuple[Latency, ...] = ()
    gone: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        nodes: Iterable[Node],
        pending: Iterable[Workload] = (),
        *,
        placed: Mapping[str, Iterable[Workload]] | None = None,
        latencies: Iterable[Latency] = (),
    ) -> Snapshot:
        """A snapshot in its order. ``placed`` are workloads by the name of their node."""
        there = (Placed(w, node) for node, found in (placed or {}).items() for w in found)
        return cls(
            tuple(sorted(nodes, key=lambda node: node.name)),
            tuple(sorted(there, key=lambda one: one.workload.name)),
            tuple(pending),
            tuple(sorted(latencies, key=lambda found: (found.one, found.other))),
        )

    def workloads(self) -> Iterator[Workload]:
        """Those that are placed, then those that are pending."""
        yield from (one.workload for one in self.placed)
        yield from self.pending

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of everything in it."""
        gone = ("gone", *self.gone) if self.gone else ()
        return digest((*self.nodes, *self.placed, "pending", *self.pending, *self.latencies, *gone))
