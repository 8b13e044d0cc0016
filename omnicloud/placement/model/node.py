"""A node: what it has, where it stands, what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from omnicloud.placement.model.labels import Labels, Taint
from omnicloud.placement.model.resources import Resources

__all__ = ["Gpus", "Node", "NumaZone", "Power", "Terms"]


@dataclass(frozen=True, slots=True)
class Gpus:
    """The GPUs of a node, all of one model."""

    model: str
    count: int


@dataclass(frozen=True, slots=True)
class NumaZone:
    """A part of a node whose cores are near its memory."""

    cpu_cores: float
    memory_bytes: float


@dataclass(frozen=True, slots=True)
class Power:
    """What a node draws by its CPU load: straight lines between the points.

    Attributes:
        watts: At equal steps of load from idle to full, at least two of them.
        grams_per_kwh: CO2e of the electricity at its place.
    """

    watts: tuple[float, ...]
    grams_per_kwh: float = 0.0


class Terms(StrEnum):
    """When a node is paid for, and whether it stays."""

    ON_DEMAND = "on_demand"
    """Paid for while it is used."""
    RESERVED = "reserved"
    """Paid for in any case: using it adds nothing, and emptying it saves nothing."""
    SPOT = "spot"
    """Paid for while it is used, and its owner may take it back at short notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine that takes workloads.

    Attributes:
        name: Unique in a snapshot; ties between nodes go to the first by name.
        capacity: What workloads may use of it.
        labels: For selectors; a key is also a topology, so that workloads are spread by it.
        taints: Keep workloads off that do not tolerate them.
        region: For residency and latency, with ``zone`` and ``rack`` also a topology.
        jurisdiction: Whose law holds there; residency may name it instead of a region.
        architecture: Such as ``x86_64``.
        cpu_features: Such as ``avx512f``.
        gpus: Its GPUs, where it has some.
        numa: Its zones; none where the node is not divided.
        max_workloads: How many it takes at the most, 0 for no bound.
        price_per_hour: In any currency, one for the snapshot; that of its terms.
        terms: On which it is had: on demand, reserved or spot.
        power: What it draws, where that is known.
    """

    name: str
    capacity: Resources
    labels: Labels = ()
    taints: frozenset[Taint] = frozenset()
    region: str = ""
    zone: str = ""
    rack: str = ""
    jurisdiction: str = ""
    architecture: str = ""
    cpu_features: frozenset[str] = frozenset()
    gpus: Gpus | None = None
    numa: tuple[NumaZone, ...] = ()
    max_workloads: int = 0
    price_per_hour: float = 0.0
    terms: Terms = Terms.ON_DEMAND
    power: Power | None = None

    def place(self, topology: str) -> str:
        """Its domain in a topology: ``node``, ``rack``, ``zone``, ``region`` or a label's key.

        A rack is told apart by its zone and a zone by its region. Empty where the node has none.
        """
        if topology == "node":
            return self.name
        if topology == "region":
            return self.region
        if topology == "zone":
            return self.zone and f"{self.region}/{self.zone}"
        if topology == "rack":
            return self.rack and f"{self.region}/{self.zone}/{self.rack}"
        return dict(self.labels).get(topology, "")
