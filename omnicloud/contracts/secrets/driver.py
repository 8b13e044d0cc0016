"""The requests of the secrets contract and the driver that answers them.

This is all that a provider's author must read. A driver never retries, logs, traces or adds
context; it maps its native errors in one table. It keeps neither values nor absences: every
request is answered by the store. A name is matched exactly and found nowhere else.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

from omnicloud.contracts.secrets.models import (
    NamePage,
    SecretsFeature,
    SecretsLimits,
    StoredSecret,
    VersionInfo,
)
from omnicloud.core.names import Scope
from omnicloud.core.operation import NO_FEATURES, Effect, Feature, Named, Operation, Seal
from omnicloud.errors import InvalidArgumentError

__all__ = ["Await", "Delete", "Get", "List", "ListVersions", "SecretsDriver", "Set"]

_VERSIONS: frozenset[Feature] = frozenset({SecretsFeature.VERSIONS})


class SecretsDriver(Protocol):
    """Serves the requests below."""

    @property
    def features(self) -> frozenset[Feature]: ...
    @property
    def limits(self) -> SecretsLimits: ...
    async def get(self, op: Get, /) -> StoredSecret | None: ...
    async def set(self, op: Set, /) -> str: ...
    async def delete(self, op: Delete, /) -> bool: ...
    async def list(self, op: List, /) -> NamePage: ...
    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]: ...
    async def wait(self, op: Await, /) -> str | None: ...
    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Get(Named[SecretsDriver, StoredSecret | None]):
    """The current version of a secret, or the one of that version; ``None``: there is none.

    A version whose grace has ended is not there any more.
    """

    name: ClassVar[str] = "secrets.get"
    named = "secret"
    secret: str
    version: str | None = None

    def needs(self) -> frozenset[Feature]:
        return NO_FEATURES if self.version is None else _VERSIONS

    def unsealed(self, result: StoredSecret | None, seal: Seal) -> StoredSecret | None:
        return result and replace(result, value=seal.open(result.value, self.secret))

    def run(self, driver: SecretsDriver) -> Awaitable[StoredSecret | None]:
        return driver.get(self)


@dataclass(frozen=True, slots=True)
class Set(Named[SecretsDriver, str]):
    """Make a new current version and answer which.

    Without ``grace`` older versions stay readable, as many as ``limits.versions_kept``. With
    it (seconds, from 0) every older version ends that long from now, or when an earlier
    grace ends it.
    """

    name: ClassVar[str] = "secrets.set"
    named = "secret"
    secret: str
    value: bytes = field(repr=False)
    grace: float | None = None

    @property
    def effect(self) -> Effect:
        # A repeated rotation would make its own first version the previous one.
        return Effect.IDEMPOTENT if self.grace is None else Effect.ONCE

    def needs(self) -> frozenset[Feature]:
        return NO_FEATURES if self.grace is None else _VERSIONS

    def check(self, driver: SecretsDriver) -> None:
        Named.check(self, driver)
        limit = driver.limits.value_max_bytes
        if len(self.value) > limit:
            raise InvalidArgumentError(
                f"the secret has {len(self.value)} bytes, the limit value_max_bytes is {limit}",
                hint="store it as an object and its key as the secret",
            )

    def sealed(self, seal: Seal) -> Set:
        return replace(self, value=seal.close(self.value, self.secret))

    def run(self, driver: SecretsDriver) -> Awaitable[str]:
        return driver.set(self)


@dataclass(frozen=True, slots=True)
class Delete(Named[SecretsDriver, bool]):
    """Delete a secret with all its versions; whether it was there. Missing is no error."""

    name: ClassVar[str] = "secrets.delete"
    named = "secret"
    secret: str

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def run(self, driver: SecretsDriver) -> Awaitable[bool]:
        return driver.delete(self)


@dataclass(frozen=True, slots=True)
class List(Operation[SecretsDriver, NamePage]):
    """A page of the names that start with ``prefix``, in code-point order; never values.

    ``cursor`` is what the page before answered; a driver may answer fewer than ``limit``
    names, also none, before the last page.
    """

    name: ClassVar[str] = "secrets.list"
    prefix: str = ""
    cursor: str | None = None
    limit: int = 1000

    @property
    def resource(self) -> str:
        return self.prefix

    def scoped(self, scope: Scope) -> List:
        return self if scope.holds(self.prefix) else replace(self, prefix=scope.enter(self.prefix))

    def unscoped(self, result: NamePage, scope: Scope) -> NamePage:
        names = (scope.leave(name) for name in result.names)
        return NamePage(tuple(name for name in names if name is not None), result.cursor)

    def run(self, driver: SecretsDriver) -> Awaitable[NamePage]:
        return driver.list(self)


@dataclass(frozen=True, slots=True)
class ListVersions(Named[SecretsDriver, tuple[VersionInfo, ...]]):
    """The readable versions of a secret, the newest first; none where it is absent."""

    name: ClassVar[str] = "secrets.list_versions"
    named = "secret"
    secret: str

    def needs(self) -> frozenset[Feature]:
        return _VERSIONS

    def run(self, driver: SecretsDriver) -> Awaitable[tuple[VersionInfo, ...]]:
        return driver.list_versions(self)


@dataclass(frozen=True, slots=True)
class Await(Named[SecretsDriver, str | None]):
    """The current version (``None``: absent), as soon as it is not ``known`` any more.

    Answers ``known`` itself after ``wait`` seconds, not sooner; at once when ``wait`` is 0. A
    driver of a service that holds no answer for so long asks it again.
    """

    name: ClassVar[str] = "secrets.await"
    named = "secret"
    secret: str
    known: str | None = None
    wait: float = 0.0

    @property
    def waits(self) -> float:
        return self.wait

    def needs(self) -> frozenset[Feature]:
        return frozenset({SecretsFeature.WATCH})

    def run(self, driver: SecretsDriver) -> Awaitable[str | None]:
        return driver.wait(self)
