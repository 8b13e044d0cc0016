"""The requests of the cache contract and the driver that answers them.

A driver may evict what it likes, when it likes. It never answers with an expired value, one
that was written over, or one that was deleted.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from omnicloud.contracts.cache.models import Cached, CacheFeature, CacheLimits
from omnicloud.core.names import Scope
from omnicloud.core.operation import Effect, Feature, Named, Operation, Seal
from omnicloud.errors import InvalidArgumentError

__all__ = ["CacheDriver", "Claim", "Clear", "Delete", "Fill", "Get", "Set", "Touch", "Unclaim"]

_FLIGHT: frozenset[Feature] = frozenset({CacheFeature.CROSS_PROCESS_FLIGHT})


class CacheDriver(Protocol):
    """Serves the requests below."""

    @property
    def features(self) -> frozenset[Feature]: ...
    @property
    def limits(self) -> CacheLimits: ...
    async def get(self, op: Get, /) -> Cached | None: ...
    async def set(self, op: Set, /) -> None: ...
    async def delete(self, op: Delete, /) -> None: ...
    async def touch(self, op: Touch, /) -> bool: ...
    async def clear(self, op: Clear, /) -> None: ...
    async def claim(self, op: Claim, /) -> bool: ...
    async def fill(self, op: Fill, /) -> bool: ...
    async def unclaim(self, op: Unclaim, /) -> None: ...
    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Get(Named[CacheDriver, Cached | None]):
    """The entry of a key, or ``None``. Reading prolongs no life."""

    name: ClassVar[str] = "cache.get"
    key: str

    def unsealed(self, result: Cached | None, seal: Seal) -> Cached | None:
        return result and replace(result, value=seal.open(result.value, self.key))

    def run(self, driver: CacheDriver) -> Awaitable[Cached | None]:
        return driver.get(self)


@dataclass(frozen=True, slots=True)
class Set(Named[CacheDriver, None]):
    """Write a value; ``ttl`` in seconds, ``None`` for ever, whatever the key had before.

    Voids a claim of the key.
    """

    name: ClassVar[str] = "cache.set"
    key: str
    value: bytes
    ttl: float | None = None

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def check(self, driver: CacheDriver) -> None:
        Named.check(self, driver)
        _check_value(self.value, driver.limits)

    def sealed(self, seal: Seal) -> Set:
        return replace(self, value=seal.close(self.value, self.key))

    def run(self, driver: CacheDriver) -> Awaitable[None]:
        return driver.set(self)


@dataclass(frozen=True, slots=True)
class Delete(Named[CacheDriver, None]):
    """Delete a key, live or not. Voids a claim of the key."""

    name: ClassVar[str] = "cache.delete"
    key: str

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def run(self, driver: CacheDriver) -> Awaitable[None]:
        return driver.delete(self)


@dataclass(frozen=True, slots=True)
class Touch(Named[CacheDriver, bool]):
    """Decide the time to live of a live key anew, from now; answer whether it was live."""

    name: ClassVar[str] = "cache.touch"
    key: str
    ttl: float | None = None

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def needs(self) -> frozenset[Feature]:
        return frozenset({CacheFeature.TOUCH})

    def run(self, driver: CacheDriver) -> Awaitable[bool]:
        return driver.touch(self)


@dataclass(frozen=True, slots=True)
class Clear(Operation[CacheDriver, None]):
    """Delete every key that :meth:`covers` says; void their claims.

    A driver that finds keys by ``prefix`` must still ask :meth:`covers`: outside all tenants
    the empty prefix is also a prefix of every tenant's names, which are not meant.
    """

    name: ClassVar[str] = "cache.clear"
    prefix: str = ""
    scope: Scope | None = None

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    @property
    def resource(self) -> str:
        return self.prefix

    def covers(self, stored: str) -> bool:
        """Whether a stored name is to be deleted."""
        mine = self.scope is None or self.scope.leave(stored) is not None
        return mine and stored.startswith(self.prefix)

    def needs(self) -> frozenset[Feature]:
        return frozenset({CacheFeature.CLEAR})

    def scoped(self, scope: Scope) -> Clear:
        return Clear(scope.enter(self.prefix), scope)

    def run(self, driver: CacheDriver) -> Awaitable[None]:
        return driver.clear(self)


@dataclass(frozen=True, slots=True)
class Claim(Named[CacheDriver, bool]):
    """Ask to be the one that loads a missing key, for ``seconds``.

    True where no other owner's claim stands; asking again as the same owner prolongs it.
    """

    name: ClassVar[str] = "cache.claim"
    key: str
    owner: str
    seconds: float

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def needs(self) -> frozenset[Feature]:
        return _FLIGHT

    def run(self, driver: CacheDriver) -> Awaitable[bool]:
        return driver.claim(self)


@dataclass(frozen=True, slots=True)
class Fill(Named[CacheDriver, bool]):
    """Write what was loaded and end the claim, if it still stands; answer whether it did.

    A set, delete or clear after the claim voids it: what was loaded before is then stale.
    """

    name: ClassVar[str] = "cache.fill"
    key: str
    owner: str
    value: bytes
    ttl: float | None = None

    @property
    def effect(self) -> Effect:
        # A second time it answers False, but what is stored is the same.
        return Effect.IDEMPOTENT

    def needs(self) -> frozenset[Feature]:
        return _FLIGHT

    def check(self, driver: CacheDriver) -> None:
        Named.check(self, driver)
        _check_value(self.value, driver.limits)

    def sealed(self, seal: Seal) -> Fill:
        return replace(self, value=seal.close(self.value, self.key))

    def run(self, driver: CacheDriver) -> Awaitable[bool]:
        return driver.fill(self)


@dataclass(frozen=True, slots=True)
class Unclaim(Named[CacheDriver, None]):
    """End a claim without a value; silent where it is another's or none."""

    name: ClassVar[str] = "cache.unclaim"
    key: str
    owner: str

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def needs(self) -> frozenset[Feature]:
        return _FLIGHT

    def run(self, driver: CacheDriver) -> Awaitable[None]:
        return driver.unclaim(self)


def _check_value(value: bytes, limits: CacheLimits) -> None:
    if len(value) > limits.value_max_bytes:
        raise InvalidArgumentError(
            f"the value has {len(value)} bytes, the limit value_max_bytes is "
            f"{limits.value_max_bytes}",
            hint="store it as an object and keep its key here",
        )
