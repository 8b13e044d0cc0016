"""A workload: what it asks of a node, of its neighbours and of its place."""

from __future__ import annotations

from dataclasses import dataclass

from omnicloud.placement.model.labels import Labels, Match, Requirement, Toleration
from omnicloud.placement.model.resources import Resources

__all__ = ["Affinity", "AntiAffinity", "GpuRequest", "Spread", "Talk", "Workload"]


@dataclass(frozen=True, slots=True)
class GpuRequest:
    """Whole GPUs, or a share of one.

    Attributes:
        count: Devices; 1 where ``milli`` is less than 1000.
        milli: Thousandths of each device.
        models: Any of these; empty for all models.
    """

    count: int = 1
    milli: int = 1000
    models: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Affinity:
    """At least ``at_least`` workloads of these labels are in the same domain already.

    The first of a kind that asks for its own company is let in where nobody of it is placed.
    """

    match: Match
    topology: str = "zone"
    at_least: int = 1


@dataclass(frozen=True, slots=True)
class AntiAffinity:
    """At most ``at_most`` *other* workloads of these labels in the same domain.

    It binds both ways: a newcomer is also refused where it would break the bound of a workload
    that is there.
    """

    match: Match
    topology: str = "node"
    at_most: int = 0


@dataclass(frozen=True, slots=True)
class Spread:
    """No domain has over ``max_skew`` more workloads of these labels than the emptiest one.

    Counted are the domains that the workload may use at all. It is asked when a workload is
    placed; later departures do not move those that stay.
    """

    match: Match
    topology: str = "zone"
    max_skew: int = 1


@dataclass(frozen=True, slots=True)
class Talk:
    """The round trip to another workload, wherever it is, takes at most so long."""

    to: str
    at_most_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Something that runs on one node.

    Attributes:
        name: Unique in a snapshot.
        request: What is kept free for it.
        forecast: What it is expected to use, where somebody forecast it;
            :attr:`~omnicloud.placement.model.options.Options.basis` says which of both is packed.
            An amount of 0 is not known and counts as it was asked.
        priority: Higher is placed first, and may take the place of lower.
        labels: By which others mean it.
        tolerations: Of taints.
        requirements: All of them are kept by the node's labels.
        architectures: Any of these; empty for all.
        cpu_features: The node has all of these.
        gpu: The GPUs it asks.
        numa_aligned: Its CPU and memory come from one NUMA zone.
        ports: Of the node's addresses, for itself alone.
        affinity: Company that it needs.
        anti_affinity: Company that it shuns.
        spread: How evenly its kind is spread.
        depends_on: Names of workloads without which it is not placed.
        residency: Regions or jurisdictions where it may be; empty for all.
        talks_to: Workloads that must be near.
        lifetime_seconds: How long it is expected to stay from now on.
        preemptible: Whether a workload of higher priority may take its place.
        interruptible: Whether it may run on a spot node, which may be taken back.
    """

    name: str
    request: Resources
    forecast: Resources | None = None
    priority: int = 0
    labels: Labels = ()
    tolerations: frozenset[Toleration] = frozenset()
    requirements: tuple[Requirement, ...] = ()
    architectures: frozenset[str] = frozenset()
    cpu_features: frozenset[str] = frozenset()
    gpu: GpuRequest | None = None
    numa_aligned: bool = False
    ports: frozenset[int] = frozenset()
    affinity: tuple[Affinity, ...] = ()
    anti_affinity: tuple[AntiAffinity, ...] = ()
    spread: tuple[Spread, ...] = ()
    depends_on: frozenset[str] = frozenset()
    residency: frozenset[str] = frozenset()
    talks_to: tuple[Talk, ...] = ()
    lifetime_seconds: float | None = None
    preemptible: bool = True
    interruptible: bool = False
