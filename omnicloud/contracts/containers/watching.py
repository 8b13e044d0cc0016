"""The requests that look into containers, and the part of a driver that answers them.

What a container wrote, what it uses, what happened to it, and a further command in it.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self, TypeVar

from omnicloud.contracts.containers.models import (
    ContainersFeature,
    ContainersLimits,
    EventPage,
    ExecResult,
    LogPage,
    Stats,
)
from omnicloud.core.names import Scope
from omnicloud.core.operation import Effect, Feature, Named, Operation

__all__ = ["Events", "Exec", "Logs", "Sample", "WatchedDriver"]

R = TypeVar("R")

_LOG_LINES = 1000


class WatchedDriver(Protocol):
    """Serves the requests below."""

    @property
    def features(self) -> frozenset[Feature]: ...
    @property
    def limits(self) -> ContainersLimits: ...
    async def logs(self, op: Logs, /) -> LogPage: ...
    async def exec(self, op: Exec, /) -> ExecResult: ...
    async def sample(self, op: Sample, /) -> Stats: ...
    async def events(self, op: Events, /) -> EventPage: ...
    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _OfContainer(Named[WatchedDriver, R]):
    """A request about one container, whose name is all that a tenant's namespace concerns."""

    named: ClassVar[str] = "container"
    container: str


@dataclass(frozen=True, slots=True)
class Logs(_OfContainer[LogPage]):
    """Lines that a container wrote since ``cursor``; ``None`` is from the oldest that is kept.

    Every line is told once, in order per stream, over all runs of the container. It waits at
    most ``wait`` seconds for the first line; fewer than ``limit`` may come, also none. Answers
    at once with ``ended`` where the container has ended for good and all was told; what will be
    restarted, or is paused, has not. At least the newest 10,000 lines are kept, or 1 MiB of them,
    unless the engine's operator chose less; a container that is removed takes its lines along.
    """

    name: ClassVar[str] = "containers.logs"
    cursor: str | None = None
    wait: float = 0.0
    limit: int = _LOG_LINES

    @property
    def waits(self) -> float:
        return self.wait

    def run(self, driver: WatchedDriver) -> Awaitable[LogPage]:
        return driver.logs(self)


@dataclass(frozen=True, slots=True)
class Exec(_OfContainer[ExecResult]):
    """Run a further command in a running container and answer how it ended.

    Whether a command outlives the container that ends under it is the engine's; where it does
    not, it is answered as one that was killed, or refused.

    Errors of a driver:
        ConflictError: The container does not run, or ended meanwhile.
        InvalidArgumentError: The command cannot be started.
        DeadlineExceededError: It had not ended after ``wait`` seconds; it may still run.
    """

    name: ClassVar[str] = "containers.exec"
    command: tuple[str, ...]
    wait: float = 60.0

    @property
    def effect(self) -> Effect:
        return Effect.ONCE

    @property
    def waits(self) -> float:
        return self.wait

    def needs(self) -> frozenset[Feature]:
        return frozenset({ContainersFeature.EXEC})

    def run(self, driver: WatchedDriver) -> Awaitable[ExecResult]:
        return driver.exec(self)


@dataclass(frozen=True, slots=True)
class Sample(_OfContainer[Stats]):
    """What a container uses now.

    Errors of a driver:
        ConflictError: It does not run.
    """

    name: ClassVar[str] = "containers.sample"

    def needs(self) -> frozenset[Feature]:
        return frozenset({ContainersFeature.STATS})

    def run(self, driver: WatchedDriver) -> Awaitable[Stats]:
        return driver.sample(self)


@dataclass(frozen=True, slots=True)
class Events(Operation[WatchedDriver, EventPage]):
    """What happened to the containers under ``prefix`` since ``cursor``.

    ``None`` means from now on: it is answered at once, with no event and the cursor of that
    moment. Else it waits at most ``wait`` seconds for the first event and may answer none. Who
    else asks, and what was asked before, changes nothing in what a cursor says.

    Errors of a driver:
        NotFoundError: What came after the cursor is not all kept any more, or the driver cannot
            know that it is. Nothing is passed over in silence: who watches begins anew.
    """

    name: ClassVar[str] = "containers.events"
    prefix: str = ""
    cursor: str | None = None
    wait: float = 0.0

    @property
    def resource(self) -> str:
        return self.prefix

    @property
    def waits(self) -> float:
        return self.wait

    def needs(self) -> frozenset[Feature]:
        return frozenset({ContainersFeature.EVENTS})

    def scoped(self, scope: Scope) -> Self:
        return self if scope.holds(self.prefix) else replace(self, prefix=scope.enter(self.prefix))

    def unscoped(self, result: EventPage, scope: Scope) -> EventPage:
        named = ((scope.leave(event.name), event) for event in result.events)
        kept = tuple(replace(event, name=name) for name, event in named if name is not None)
        return EventPage(kept, result.cursor)

    def run(self, driver: WatchedDriver) -> Awaitable[EventPage]:
        return driver.events(self)
