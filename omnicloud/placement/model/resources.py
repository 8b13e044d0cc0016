"""Amounts of resources by name, and the schema that turns them into vectors of whole numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dimension", "Resources", "Schema"]


@dataclass(frozen=True, slots=True)
class Dimension:
    """One resource that can be used up.

    Attributes:
        name: As in :class:`Resources`.
        unit: Of its amounts, for a person.
        quantum: The smallest amount told apart. Vectors count in quanta, so that sums of
            amounts are exact whatever their order.
    """

    name: str
    unit: str = ""
    quantum: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Amounts: what a workload asks, or what a node has.

    Attributes:
        cpu_cores: In cores, told apart by the thousandth.
        memory_bytes: Of main memory.
        disk_bytes: Of local disk.
        network_bytes_per_second: Of the node's link.
        pids: Processes and threads.
        extra: Further resources by name, in sorted order; see :meth:`of`.
    """

    cpu_cores: float = 0.0
    memory_bytes: float = 0.0
    disk_bytes: float = 0.0
    network_bytes_per_second: float = 0.0
    pids: float = 0.0
    extra: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, amounts: Mapping[str, float]) -> Resources:
        """Amounts by name; names that are no attribute become ``extra``."""
        named = {name: amounts[name] for name in _NAMED if name in amounts}
        extra = tuple(sorted((n, float(v)) for n, v in amounts.items() if n not in _NAMED))
        return cls(**named, extra=extra)

    def amounts(self) -> dict[str, float]:
        """All amounts by name, zeros too."""
        return {name: getattr(self, name) for name in _NAMED} | dict(self.extra)


_NAMED = tuple(field.name for field in fields(Resources) if field.name != "extra")
_BASIC = (
    Dimension("cpu_cores", "cores", 0.001),
    Dimension("memory_bytes", "bytes"),
    Dimension("disk_bytes", "bytes"),
    Dimension("network_bytes_per_second", "bytes/s"),
    Dimension("pids", "processes"),
)


@dataclass(frozen=True, slots=True)
class Schema:
    """The dimensions of a fleet, in the order of the entries of its vectors."""

    dimensions: tuple[Dimension, ...]

    @classmethod
    def covering(cls, amounts: Iterable[Resources]) -> Schema:
        """The dimensions that any of these uses; CPU and memory always."""
        used = {"cpu_cores", "memory_bytes"}
        for one in set(amounts):
            used.update(name for name, value in one.amounts().items() if value)
        further = (Dimension(name) for name in sorted(used.difference(_NAMED)))
        return cls((*(d for d in _BASIC if d.name in used), *further))

    def requested(self, resources: Resources) -> NDArray[np.float64]:
        """A request in whole quanta, rounded up."""
        return self._vector(resources, math.ceil)

    def offered(self, resources: Resources) -> NDArray[np.float64]:
        """A capacity in whole quanta, rounded down."""
        return self._vector(resources, math.floor)

    def _vector(self, resources: Resources, whole: Callable[[float], int]) -> NDArray[np.float64]:
        amounts = resources.amounts()
        quanta = (amounts.get(d.name, 0.0) / d.quantum for d in self.dimensions)
        return np.array([float(whole(round(q, 6))) for q in quanta])
