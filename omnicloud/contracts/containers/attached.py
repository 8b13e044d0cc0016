"""The requests about volumes and networks, and the part of a driver that answers them.

Unlike images they belong to one service, and inside it to a tenant: names are scoped.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self, TypeVar

from omnicloud.contracts.containers.models import ContainersFeature, ContainersLimits
from omnicloud.core.names import Scope
from omnicloud.core.operation import Effect, Feature, Named, Operation

__all__ = [
    "AttachedDriver",
    "CreateNetwork",
    "CreateVolume",
    "ListNetworks",
    "ListVolumes",
    "RemoveNetwork",
    "RemoveVolume",
]

R = TypeVar("R")


class AttachedDriver(Protocol):
    """Serves the requests below."""

    @property
    def features(self) -> frozenset[Feature]: ...
    @property
    def limits(self) -> ContainersLimits: ...
    async def create_volume(self, op: CreateVolume, /) -> None: ...
    async def list_volumes(self, op: ListVolumes, /) -> tuple[str, ...]: ...
    async def remove_volume(self, op: RemoveVolume, /) -> bool: ...
    async def create_network(self, op: CreateNetwork, /) -> None: ...
    async def list_networks(self, op: ListNetworks, /) -> tuple[str, ...]: ...
    async def remove_network(self, op: RemoveNetwork, /) -> bool: ...
    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _OnVolume(Named[AttachedDriver, R]):
    """A request about one volume, whose second time changes nothing more."""

    named: ClassVar[str] = "volume"
    volume: str

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def needs(self) -> frozenset[Feature]:
        return frozenset({ContainersFeature.VOLUMES})


@dataclass(frozen=True, slots=True)
class _OnNetwork(Named[AttachedDriver, R]):
    """A request about one network, whose second time changes nothing more."""

    named: ClassVar[str] = "network"
    network: str

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def needs(self) -> frozenset[Feature]:
        return frozenset({ContainersFeature.NETWORKS})


@dataclass(frozen=True, slots=True)
class _Listing(Operation[AttachedDriver, tuple[str, ...]]):
    """Names that start with ``prefix``, in order."""

    feature: ClassVar[ContainersFeature]
    prefix: str = ""

    @property
    def resource(self) -> str:
        return self.prefix

    def needs(self) -> frozenset[Feature]:
        return frozenset({self.feature})

    def scoped(self, scope: Scope) -> Self:
        return self if scope.holds(self.prefix) else replace(self, prefix=scope.enter(self.prefix))

    def unscoped(self, result: tuple[str, ...], scope: Scope) -> tuple[str, ...]:
        left = (scope.leave(name) for name in result)
        return tuple(name for name in left if name is not None)


@dataclass(frozen=True, slots=True)
class CreateVolume(_OnVolume[None]):
    """Make an empty volume; one that is there is left as it is."""

    name: ClassVar[str] = "containers.create_volume"

    def run(self, driver: AttachedDriver) -> Awaitable[None]:
        return driver.create_volume(self)


@dataclass(frozen=True, slots=True)
class ListVolumes(_Listing):
    """The volumes whose name starts with ``prefix``, in order."""

    name: ClassVar[str] = "containers.list_volumes"
    feature: ClassVar[ContainersFeature] = ContainersFeature.VOLUMES

    def run(self, driver: AttachedDriver) -> Awaitable[tuple[str, ...]]:
        return driver.list_volumes(self)


@dataclass(frozen=True, slots=True)
class RemoveVolume(_OnVolume[bool]):
    """Forget a volume and what is in it, and answer whether there was one.

    Errors of a driver:
        ConflictError: A container has it mounted, running or not; it stays.
    """

    name: ClassVar[str] = "containers.remove_volume"

    def run(self, driver: AttachedDriver) -> Awaitable[bool]:
        return driver.remove_volume(self)


@dataclass(frozen=True, slots=True)
class CreateNetwork(_OnNetwork[None]):
    """Make a network; one that is there is left as it is."""

    name: ClassVar[str] = "containers.create_network"

    def run(self, driver: AttachedDriver) -> Awaitable[None]:
        return driver.create_network(self)


@dataclass(frozen=True, slots=True)
class ListNetworks(_Listing):
    """The networks whose name starts with ``prefix``, in order."""

    name: ClassVar[str] = "containers.list_networks"
    feature: ClassVar[ContainersFeature] = ContainersFeature.NETWORKS

    def run(self, driver: AttachedDriver) -> Awaitable[tuple[str, ...]]:
        return driver.list_networks(self)


@dataclass(frozen=True, slots=True)
class RemoveNetwork(_OnNetwork[bool]):
    """Forget a network, and answer whether there was one.

    Errors of a driver:
        ConflictError: A container that has not ended is on it; it stays.
    """

    name: ClassVar[str] = "containers.remove_network"

    def run(self, driver: AttachedDriver) -> Awaitable[bool]:
        return driver.remove_network(self)
