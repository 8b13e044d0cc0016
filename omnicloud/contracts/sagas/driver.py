"""The requests of the sagas contract and the driver that answers them.

Each request names a *space*: sagas of one space are unseen in another; a tenant has its own.
A saga can be leased by one owner at a time; the lease ends by itself. Leases and versions are
apart: leasing changes no version, and an update needs the right version, not the lease.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self, TypeVar

from omnicloud.contracts.sagas.models import SagaFeature, SagaLimits, SagaRecord
from omnicloud.core.names import Scope
from omnicloud.core.operation import Effect, Feature, Operation, Seal
from omnicloud.errors import InvalidArgumentError

__all__ = ["Claim", "Create", "Get", "Keep", "ListSagas", "SagaDriver", "Update"]

R = TypeVar("R")
Records = tuple[SagaRecord, ...]


class SagaDriver(Protocol):
    """Serves the requests below."""

    @property
    def features(self) -> frozenset[Feature]: ...
    @property
    def limits(self) -> SagaLimits: ...
    async def create(self, op: Create, /) -> None: ...
    async def get(self, op: Get, /) -> SagaRecord | None: ...
    async def update(self, op: Update, /) -> int: ...
    async def list_sagas(self, op: ListSagas, /) -> Records: ...
    async def claim(self, op: Claim, /) -> Records: ...
    async def keep(self, op: Keep, /) -> bool: ...
    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _InSpace(Operation[SagaDriver, R]):
    """A request about one space, whose name is all that a tenant's namespace concerns."""

    space: str

    def check(self, driver: SagaDriver) -> None:
        driver.limits.check_stored_name(self.space, "space")

    def scoped(self, scope: Scope) -> Self:
        return self if scope.holds(self.space) else replace(self, space=scope.enter(self.space))


@dataclass(frozen=True, slots=True)
class _Write(_InSpace[R]):
    """A request that carries a saga's state."""

    state: SagaRecord

    @property
    def effect(self) -> Effect:
        # After a lost answer a second try would meet its own result and report a conflict.
        return Effect.ONCE

    @property
    def resource(self) -> str:
        return self.state.saga_id

    def check(self, driver: SagaDriver) -> None:
        limits = driver.limits
        limits.check_stored_name(self.space, "space")
        limits.check_stored_name(self.state.saga_id, "saga_id")
        _check("payload_max_bytes", len(self.state.payload), limits.payload_max_bytes)
        _check("history_max_entries", len(self.state.history), limits.history_max_entries)

    def sealed(self, seal: Seal) -> Self:
        place = _place(self.space, self.state.saga_id)
        closed = replace(self.state, payload=seal.close(self.state.payload, place))
        return replace(self, state=closed)


@dataclass(frozen=True, slots=True)
class _Reading(_InSpace[Records]):
    """A request that is answered with sagas, whose payloads are opened."""

    def unsealed(self, result: Records, seal: Seal) -> Records:
        return tuple(_opened(record, self.space, seal) for record in result)


@dataclass(frozen=True, slots=True)
class Create(_Write[None]):
    """Store a new saga with version 1, leased by ``owner`` for ``lease`` seconds if given.

    Errors of a driver:
        SagaStateConflictError: There is one of that id, of any status; nothing was written.
    """

    name: ClassVar[str] = "sagas.create"
    owner: str | None = None
    lease: float = 0.0

    def run(self, driver: SagaDriver) -> Awaitable[None]:
        return driver.create(self)


@dataclass(frozen=True, slots=True)
class Get(_InSpace[SagaRecord | None]):
    """The saga of an id, or ``None``."""

    name: ClassVar[str] = "sagas.get"
    saga_id: str

    @property
    def resource(self) -> str:
        return self.saga_id

    def unsealed(self, result: SagaRecord | None, seal: Seal) -> SagaRecord | None:
        return result and _opened(result, self.space, seal)

    def run(self, driver: SagaDriver) -> Awaitable[SagaRecord | None]:
        return driver.get(self)


@dataclass(frozen=True, slots=True)
class Update(_Write[int]):
    """Put the state in place of the stored one if that has exactly ``state.version``.

    Comparing and writing are one step. Answers the new version, one more; a lease stays.

    Errors of a driver:
        SagaStateConflictError: The stored version is another one, older or newer, or there is
            no such saga; nothing was written.
    """

    name: ClassVar[str] = "sagas.update"

    def run(self, driver: SagaDriver) -> Awaitable[int]:
        return driver.update(self)


@dataclass(frozen=True, slots=True)
class ListSagas(_Reading):
    """Sagas of a status in the code-point order of their ids, those after ``after``.

    ``after`` need not be one of them. Fewer than ``limit`` are the last ones: a page is full
    where more follow.
    """

    name: ClassVar[str] = "sagas.list"
    status: str
    after: str | None = None
    limit: int = 100

    def needs(self) -> frozenset[Feature]:
        return frozenset({SagaFeature.LIST})

    def run(self, driver: SagaDriver) -> Awaitable[Records]:
        return driver.list_sagas(self)


@dataclass(frozen=True, slots=True)
class Claim(_Reading):
    """Lease sagas that have one of these statuses and are leased by nobody else.

    At most ``most``, those that waited longest first, for ``lease`` seconds; the one named
    ``saga_id`` only, where it is given; none of ``excluded``. What ``owner`` has leased
    already it may be given again. Fewer than there are may be given, but not none. A saga waits
    from its creation or, where the driver says so, from its last update; leases and their ends
    change nothing of that.
    """

    name: ClassVar[str] = "sagas.claim"
    statuses: tuple[str, ...]
    owner: str
    lease: float
    most: int = 1
    saga_id: str | None = None
    excluded: tuple[str, ...] = ()

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT if self.saga_id is not None else Effect.ONCE

    @property
    def resource(self) -> str:
        return self.saga_id or ""

    def run(self, driver: SagaDriver) -> Awaitable[Records]:
        return driver.claim(self)


@dataclass(frozen=True, slots=True)
class Keep(_InSpace[bool]):
    """Let the owner's lease end ``lease`` seconds from now; 0 gives it free.

    Whether the owner had it; one that has ended, or is another's, stays as it is.
    """

    name: ClassVar[str] = "sagas.keep"
    saga_id: str
    owner: str
    lease: float

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    @property
    def resource(self) -> str:
        return self.saga_id

    def run(self, driver: SagaDriver) -> Awaitable[bool]:
        return driver.keep(self)


def _place(space: str, saga_id: str) -> str:
    return f"{len(space)}:{space}:{saga_id}"


def _opened(record: SagaRecord, space: str, seal: Seal) -> SagaRecord:
    return replace(record, payload=seal.open(record.payload, _place(space, record.saga_id)))


def _check(limit: str, size: int, most: int) -> None:
    if size > most:
        raise InvalidArgumentError(
            f"the saga's state has {size}, the limit {limit} is {most}",
            hint="keep large data elsewhere and its name in the payload",
        )
