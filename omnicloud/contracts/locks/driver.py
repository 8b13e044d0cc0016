"""The requests of the locks contract and the driver that answers them.

A name has holders, at most ``permits`` of them, each with an end. An owner is a text that the
portable class draws anew for each attempt, so an owner is never two attempts. The end of a
grant counts from when the driver gives it; a driver inside one process counts by the monotonic
clock. Requests of one client about one owner take effect in the order in which they were sent,
also when the answer to the first is not awaited.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from omnicloud.contracts.locks.models import Grant, LocksFeature, LocksLimits
from omnicloud.core.operation import NO_FEATURES, Effect, Feature, Named
from omnicloud.errors import InvalidArgumentError

__all__ = ["Acquire", "LocksDriver", "Release", "Renew"]


class LocksDriver(Protocol):
    """Serves the requests below."""

    @property
    def features(self) -> frozenset[Feature]: ...
    @property
    def limits(self) -> LocksLimits: ...
    async def acquire(self, op: Acquire, /) -> Grant | None: ...
    async def renew(self, op: Renew, /) -> bool: ...
    async def release(self, op: Release, /) -> None: ...
    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Acquire(Named[LocksDriver, Grant | None]):
    """Hold a name for ``ttl`` seconds, or ``None`` where it has as many holders as permits.

    Answers at once, always. An owner that already holds the name is answered with its token
    again and its end counts anew, so that the request may be repeated after a lost answer.

    ``queue_seconds``: where it is not granted, keep the owner's place in the line of those who
    wait for so long; asking again keeps the place and its end counts anew. Only a driver that
    declares ``fair`` keeps a line: it grants an owner while fewer stand before it in the line
    than permits are free, and who is not in the line stands behind all who are. So of one free
    permit only the first of the line has it. Others ignore the field.
    """

    name: ClassVar[str] = "locks.acquire"
    named = "lock"
    lock: str
    owner: str
    ttl: float
    permits: int = 1
    queue_seconds: float | None = None

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def needs(self) -> frozenset[Feature]:
        return NO_FEATURES if self.permits == 1 else frozenset({LocksFeature.PERMITS})

    def check(self, driver: LocksDriver) -> None:
        Named.check(self, driver)
        if self.permits > driver.limits.permits_max:
            raise InvalidArgumentError(
                f"permits is {self.permits}, the limit permits_max is {driver.limits.permits_max}"
            )

    def run(self, driver: LocksDriver) -> Awaitable[Grant | None]:
        return driver.acquire(self)


@dataclass(frozen=True, slots=True)
class Renew(Named[LocksDriver, bool]):
    """Let the owner's grant end ``ttl`` seconds from now; False where it holds none any more.

    An ended grant is not renewed, also where no one took the name since.
    """

    name: ClassVar[str] = "locks.renew"
    named = "lock"
    lock: str
    owner: str
    ttl: float

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def run(self, driver: LocksDriver) -> Awaitable[bool]:
        return driver.renew(self)


@dataclass(frozen=True, slots=True)
class Release(Named[LocksDriver, None]):
    """End the owner's grant and give up its place in the line; silent where it has neither.

    Nobody else's grant is touched.
    """

    name: ClassVar[str] = "locks.release"
    named = "lock"
    lock: str
    owner: str

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def run(self, driver: LocksDriver) -> Awaitable[None]:
        return driver.release(self)
