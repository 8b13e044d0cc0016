"""The requests of the containers contract and the driver that answers them.

A driver serves the containers of one service and touches no other's. A request about a name
that the service has no container of is a NotFoundError unless it says otherwise. Requests
that look into containers are in ``watching`` beside this, those about images in ``images``, those
about volumes and networks in ``attached``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol, TypeVar

from omnicloud.contracts.containers.attached import AttachedDriver
from omnicloud.contracts.containers.checks import check_resources, features_for
from omnicloud.contracts.containers.images import ImagesDriver
from omnicloud.contracts.containers.models import (
    Container,
    ContainersFeature,
    ContainerSpec,
    Resources,
)
from omnicloud.contracts.containers.watching import Events, Exec, Logs, Sample, WatchedDriver
from omnicloud.core.names import Scope
from omnicloud.core.operation import Effect, Feature, Named, Operation, Seal
from omnicloud.errors import InvalidArgumentError, UnsupportedError

__all__ = [
    "ContainersDriver",
    "Events",
    "Exec",
    "Find",
    "Inspect",
    "Logs",
    "Pause",
    "Remove",
    "Rest",
    "Restart",
    "Run",
    "Sample",
    "Start",
    "Stop",
    "Unpause",
    "Update",
]

R = TypeVar("R")


class ContainersDriver(WatchedDriver, ImagesDriver, AttachedDriver, Protocol):
    """Serves the requests below and those of its parts."""

    async def run(self, op: Run, /) -> Container: ...
    async def inspect(self, op: Inspect, /) -> Container | None: ...
    async def find(self, op: Find, /) -> tuple[Container, ...]: ...
    async def start(self, op: Start, /) -> Container: ...
    async def stop(self, op: Stop, /) -> Container: ...
    async def restart(self, op: Restart, /) -> Container: ...
    async def pause(self, op: Pause, /) -> Container: ...
    async def unpause(self, op: Unpause, /) -> Container: ...
    async def remove(self, op: Remove, /) -> bool: ...
    async def rest(self, op: Rest, /) -> Container: ...
    async def update(self, op: Update, /) -> Container: ...


@dataclass(frozen=True, slots=True)
class _OnContainer(Named[ContainersDriver, R]):
    """A request about one container, whose name is all that a tenant's namespace concerns."""

    named: ClassVar[str] = "container"
    container: str


@dataclass(frozen=True, slots=True)
class _Answering(_OnContainer[Container]):
    """One that changes a container, the second time nothing more, and answers how it stands."""

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def unscoped(self, result: Container, scope: Scope) -> Container:
        return _renamed(result, self.container)


@dataclass(frozen=True, slots=True)
class Run(Operation[ContainersDriver, Container]):
    """Make a container and start it.

    Errors of a driver:
        AlreadyExistsError: A container has the name; it is left as it is.
        NotFoundError: There is no such image, volume or network; nothing was made.
        InvalidArgumentError: The program cannot be started; no container is left.
        ConflictError: A port of the machine is taken; no container is left.
    """

    name: ClassVar[str] = "containers.run"
    spec: ContainerSpec

    @property
    def effect(self) -> Effect:
        return Effect.ONCE

    @property
    def resource(self) -> str:
        return self.spec.name

    def needs(self) -> frozenset[Feature]:
        spec = self.spec
        asked = {
            ContainersFeature.HEALTH: spec.health is not None,
            ContainersFeature.IMAGES: spec.image is not None,
            ContainersFeature.VOLUMES: bool(spec.mounts),
            ContainersFeature.NETWORKS: bool(spec.networks),
            ContainersFeature.PORTS: bool(spec.ports),
            ContainersFeature.REPLICAS: spec.replicas != 1,
            ContainersFeature.PLACEMENT: bool(spec.placement),
        }
        others = frozenset(feature for feature, needed in asked.items() if needed)
        return others | features_for(spec.resources)

    def check(self, driver: ContainersDriver) -> None:
        spec, limits = self.spec, driver.limits
        limits.check_stored_name(spec.name, "name")
        for attached in (*spec.networks, *(mount.volume for mount in spec.mounts)):
            limits.check_stored_name(attached, "mounts and networks")
        check_resources(spec.resources, limits)
        texts = (*spec.command, *_texts(spec.env), *_texts(spec.labels))
        size = sum(len(text.encode()) for text in texts)
        if size > limits.spec_max_bytes:
            raise InvalidArgumentError(
                f"command, env and labels have {size} bytes, the limit spec_max_bytes is "
                f"{limits.spec_max_bytes}",
                hint="give what is long as a file",
            )

    def scoped(self, scope: Scope) -> Run:
        spec = self.spec
        own = replace(
            spec,
            name=scope.enter(spec.name),
            mounts=tuple(replace(one, volume=scope.enter(one.volume)) for one in spec.mounts),
            networks=tuple(map(scope.enter, spec.networks)),
        )
        return replace(self, spec=own)

    def unscoped(self, result: Container, scope: Scope) -> Container:
        return _renamed(result, self.spec.name)

    def sealed(self, seal: Seal) -> Run:
        raise UnsupportedError(
            "containers.run needs the engine to see what it runs, which encryption hides",
            hint="leave encryption out of the policy of this service",
        )

    def run(self, driver: ContainersDriver) -> Awaitable[Container]:
        return driver.run(self)


@dataclass(frozen=True, slots=True)
class Inspect(_OnContainer[Container | None]):
    """How a container stands; ``None`` where there is none."""

    name: ClassVar[str] = "containers.inspect"

    def unscoped(self, result: Container | None, scope: Scope) -> Container | None:
        return result and _renamed(result, self.container)

    def run(self, driver: ContainersDriver) -> Awaitable[Container | None]:
        return driver.inspect(self)


@dataclass(frozen=True, slots=True)
class Find(Operation[ContainersDriver, tuple[Container, ...]]):
    """The containers whose name starts with ``prefix`` and that have all ``labels``, by name."""

    name: ClassVar[str] = "containers.find"
    prefix: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def resource(self) -> str:
        return self.prefix

    def scoped(self, scope: Scope) -> Find:
        return self if scope.holds(self.prefix) else replace(self, prefix=scope.enter(self.prefix))

    def unscoped(self, result: tuple[Container, ...], scope: Scope) -> tuple[Container, ...]:
        named = ((scope.leave(one.name), one) for one in result)
        return tuple(_renamed(one, name) for name, one in named if name is not None)

    def run(self, driver: ContainersDriver) -> Awaitable[tuple[Container, ...]]:
        return driver.find(self)


@dataclass(frozen=True, slots=True)
class Start(_Answering):
    """Start a container that has ended; one that runs is left alone.

    Errors of a driver:
        NotFoundError: A network that it is on was removed, too.
        ConflictError: A port of the machine is taken; it stays as it is.
    """

    name: ClassVar[str] = "containers.start"

    def run(self, driver: ContainersDriver) -> Awaitable[Container]:
        return driver.start(self)


@dataclass(frozen=True, slots=True)
class Stop(_Answering):
    """End a container: TERM to its program, and KILL to all of it ``grace`` seconds later.

    It is answered when the container has ended, and is not restarted. One that has ended
    already is left alone; a paused one goes on first.
    """

    name: ClassVar[str] = "containers.stop"
    grace: float = 10.0

    @property
    def waits(self) -> float:
        return self.grace

    def run(self, driver: ContainersDriver) -> Awaitable[Container]:
        return driver.stop(self)


@dataclass(frozen=True, slots=True)
class Restart(Stop):
    """Stop a container, where it runs, and start it."""

    name: ClassVar[str] = "containers.restart"

    @property
    def effect(self) -> Effect:
        return Effect.ONCE

    def run(self, driver: ContainersDriver) -> Awaitable[Container]:
        return driver.restart(self)


@dataclass(frozen=True, slots=True)
class Pause(_Answering):
    """Hold a running container; a paused one is left alone.

    Errors of a driver:
        ConflictError: It does not run.
    """

    name: ClassVar[str] = "containers.pause"

    def needs(self) -> frozenset[Feature]:
        return frozenset({ContainersFeature.PAUSE})

    def run(self, driver: ContainersDriver) -> Awaitable[Container]:
        return driver.pause(self)


@dataclass(frozen=True, slots=True)
class Unpause(_Answering):
    """Let a paused container go on; a running one is left alone.

    Errors of a driver:
        ConflictError: It does not run.
    """

    name: ClassVar[str] = "containers.unpause"

    def needs(self) -> frozenset[Feature]:
        return frozenset({ContainersFeature.PAUSE})

    def run(self, driver: ContainersDriver) -> Awaitable[Container]:
        return driver.unpause(self)


@dataclass(frozen=True, slots=True)
class Remove(_OnContainer[bool]):
    """Forget a container and its logs, and answer whether there was one.

    Errors of a driver:
        ConflictError: It has not ended, and ``force`` (KILL, then remove) is not given.
    """

    name: ClassVar[str] = "containers.remove"
    force: bool = False

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def run(self, driver: ContainersDriver) -> Awaitable[bool]:
        return driver.remove(self)


@dataclass(frozen=True, slots=True)
class Rest(_OnContainer[Container]):
    """How a container stands once it has ended for good, or after ``wait`` seconds."""

    name: ClassVar[str] = "containers.rest"
    wait: float = 0.0

    @property
    def waits(self) -> float:
        return self.wait

    def unscoped(self, result: Container, scope: Scope) -> Container:
        return _renamed(result, self.container)

    def run(self, driver: ContainersDriver) -> Awaitable[Container]:
        return driver.rest(self)


@dataclass(frozen=True, slots=True)
class Update(_Answering):
    """Change limits of a running container in place; ``None`` leaves one as it is.

    Errors of a driver:
        ConflictError: It does not run, or uses more memory than it would be given.
    """

    name: ClassVar[str] = "containers.update"
    cpu: float | None = None
    memory_bytes: int | None = None
    read_bps: int | None = None
    write_bps: int | None = None
    read_iops: int | None = None
    write_iops: int | None = None

    @property
    def limits(self) -> Resources:
        """The limits to change."""
        return Resources(
            self.cpu,
            self.memory_bytes,
            self.read_bps,
            self.write_bps,
            self.read_iops,
            self.write_iops,
        )

    def needs(self) -> frozenset[Feature]:
        needed = features_for(self.limits)
        return needed | {ContainersFeature.IO_UPDATE} if self.limits.limits_io else needed

    def check(self, driver: ContainersDriver) -> None:
        Named.check(self, driver)
        check_resources(self.limits, driver.limits)

    def run(self, driver: ContainersDriver) -> Awaitable[Container]:
        return driver.update(self)


def _renamed(container: Container, name: str) -> Container:
    return container if container.name == name else replace(container, name=name)


def _texts(mapping: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(text for pair in mapping.items() for text in pair)
