"""The requests of the outbox contract and the driver that answers them.

Each request names a *space*: events of one space are unseen in another; a tenant has its own.
An event is *pending* until it is processed or parked. A relay *claims* pending events for a
lease: nobody else is given them until it ends. Of an aggregate only the oldest pending events
are claimed, in order and without a gap; none while an event of it is claimed by someone or is
parked, and none behind one that waits for its next attempt. Whether those before that one are
claimed meanwhile is left to the driver. What a claim is given is in the order of saving, over
all aggregates, and begins with the oldest that may be claimed.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self, TypeVar

from omnicloud.contracts.outbox.models import (
    EventRecord,
    EventStatus,
    NewEvent,
    OutboxFeature,
    OutboxLag,
    OutboxLimits,
)
from omnicloud.core.names import Scope
from omnicloud.core.operation import Effect, Feature, Operation, Seal
from omnicloud.core.transactions import Transaction
from omnicloud.errors import InvalidArgumentError

__all__ = [
    "Begin",
    "Claim",
    "Fail",
    "Keep",
    "Lag",
    "ListAggregates",
    "ListEvents",
    "Mark",
    "OutboxDriver",
    "Purge",
    "Requeue",
    "Save",
]

R = TypeVar("R")
Records = tuple[EventRecord, ...]


class OutboxDriver(Protocol):
    """Serves the requests below."""

    @property
    def features(self) -> frozenset[Feature]: ...
    @property
    def limits(self) -> OutboxLimits: ...
    async def save(self, op: Save, /) -> None: ...
    async def list_events(self, op: ListEvents, /) -> Records: ...
    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]: ...
    async def mark(self, op: Mark, /) -> None: ...
    async def claim(self, op: Claim, /) -> Records: ...
    async def keep(self, op: Keep, /) -> None: ...
    async def fail(self, op: Fail, /) -> None: ...
    async def requeue(self, op: Requeue, /) -> bool: ...
    async def lag(self, op: Lag, /) -> OutboxLag: ...
    async def purge(self, op: Purge, /) -> int: ...
    async def begin(self, op: Begin, /) -> Transaction: ...
    def within(self, transaction: object, /) -> OutboxDriver:
        """This driver inside a transaction of the same store.

        Raises:
            InvalidArgumentError: It belongs to another store.
        """

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _InSpace(Operation[OutboxDriver, R]):
    """A request about one space, whose name is all that a tenant's namespace concerns."""

    space: str

    def check(self, driver: OutboxDriver) -> None:
        driver.limits.check_stored_name(self.space, "space")

    def scoped(self, scope: Scope) -> Self:
        return self if scope.holds(self.space) else replace(self, space=scope.enter(self.space))


@dataclass(frozen=True, slots=True)
class _Write(_InSpace[R]):
    """A write whose second time changes nothing more."""

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT


@dataclass(frozen=True, slots=True)
class _Reading(_InSpace[Records]):
    """A request that is answered with events, whose payloads are opened."""

    def unsealed(self, result: Records, seal: Seal) -> Records:
        return tuple(
            replace(one, payload=seal.open(one.payload, _place(self.space, one.event_id)))
            for one in result
        )


@dataclass(frozen=True, slots=True)
class Save(_Write[None]):
    """Store the event as the last of its aggregate; a stored ``event_id`` changes nothing.

    The sequence number is one more than that of the aggregate's event before, whatever became
    of that one, and starts at 1; an event that is not committed uses up no number.
    """

    name: ClassVar[str] = "outbox.save"
    event: NewEvent

    @property
    def resource(self) -> str:
        return self.event.aggregate_key or ""

    def check(self, driver: OutboxDriver) -> None:
        size, limit = len(self.event.payload), driver.limits.payload_max_bytes
        if size > limit:
            raise InvalidArgumentError(
                f"the payload has {size} bytes, the limit payload_max_bytes is {limit}",
                hint="store it as an object and save an event with its key",
            )
        driver.limits.check_stored_name(self.space, "space")

    def sealed(self, seal: Seal) -> Save:
        place = _place(self.space, self.event.event_id)
        event = replace(self.event, payload=seal.close(self.event.payload, place))
        return replace(self, event=event)

    def run(self, driver: OutboxDriver) -> Awaitable[None]:
        return driver.save(self)


@dataclass(frozen=True, slots=True)
class ListEvents(_Reading):
    """Events of that status in the order in which they were saved, claimed ones too.

    Of one aggregate in the order of their sequence numbers; with ``aggregate_key=None`` those
    without an aggregate, or with ``every`` all. After the event ``after``, an ``event_id`` that
    this list told, where it is given: one that was marked, parked or requeued meanwhile keeps
    its place; behind one that was purged the list ends or begins anew. Fewer than ``limit`` are
    the last ones: a page is full where more follow.
    """

    name: ClassVar[str] = "outbox.list_events"
    status: EventStatus
    aggregate_key: str | None = None
    every: bool = False
    after: str | None = None
    limit: int = 1000

    @property
    def resource(self) -> str:
        return self.aggregate_key or ""

    def run(self, driver: OutboxDriver) -> Awaitable[Records]:
        return driver.list_events(self)


@dataclass(frozen=True, slots=True)
class ListAggregates(_InSpace[tuple[str, ...]]):
    """Keys of aggregates with a pending event, each once, in code-point order, after ``after``.

    ``after`` need not be one of them. Fewer than ``limit`` are the last ones.
    """

    name: ClassVar[str] = "outbox.list_aggregates"
    after: str | None = None
    limit: int = 1000

    def run(self, driver: OutboxDriver) -> Awaitable[tuple[str, ...]]:
        return driver.list_aggregates(self)


@dataclass(frozen=True, slots=True)
class Mark(_Write[None]):
    """These events are processed, whatever they were. Unknown ones are no error."""

    name: ClassVar[str] = "outbox.mark"
    event_ids: tuple[str, ...]

    def run(self, driver: OutboxDriver) -> Awaitable[None]:
        return driver.mark(self)


@dataclass(frozen=True, slots=True)
class Claim(_Reading):
    """Claim at most ``most`` events for ``lease`` seconds, oldest first.

    Waits at most ``wait`` seconds for the first one. It may give fewer than there are, but not
    none, and where there is none it may say so before ``wait`` has passed: who wants more asks
    again.
    """

    name: ClassVar[str] = "outbox.claim"
    owner: str
    most: int = 100
    wait: float = 0.0
    lease: float = 30.0

    @property
    def waits(self) -> float:
        return self.wait

    @property
    def effect(self) -> Effect:
        # Claims whose answer is lost come free only when their lease ends.
        return Effect.ONCE

    def run(self, driver: OutboxDriver) -> Awaitable[Records]:
        return driver.claim(self)


@dataclass(frozen=True, slots=True)
class Keep(_Write[None]):
    """Let the owner's claims of these events end ``lease`` seconds from now.

    Claims that have ended or are another's stay as they are. A lease of 0 gives them free.
    """

    name: ClassVar[str] = "outbox.keep"
    owner: str
    event_ids: tuple[str, ...]
    lease: float = 30.0

    def run(self, driver: OutboxDriver) -> Awaitable[None]:
        return driver.keep(self)


@dataclass(frozen=True, slots=True)
class Fail(_Write[None]):
    """Publishing the event failed: one more attempt, and the owner's claim of it ends.

    It is claimable again after ``delay`` seconds, or, with ``park``, is parked. Without the
    owner's claim nothing changes.
    """

    name: ClassVar[str] = "outbox.fail"
    owner: str
    event_id: str
    delay: float = 0.0
    park: bool = False

    def run(self, driver: OutboxDriver) -> Awaitable[None]:
        return driver.fail(self)


@dataclass(frozen=True, slots=True)
class Requeue(_Write[bool]):
    """Make a parked event pending in its old place, with 0 attempts; whether it was parked."""

    name: ClassVar[str] = "outbox.requeue"
    event_id: str

    def run(self, driver: OutboxDriver) -> Awaitable[bool]:
        return driver.requeue(self)


@dataclass(frozen=True, slots=True)
class Lag(_InSpace[OutboxLag]):
    """How far publishing is behind."""

    name: ClassVar[str] = "outbox.lag"

    def run(self, driver: OutboxDriver) -> Awaitable[OutboxLag]:
        return driver.lag(self)


@dataclass(frozen=True, slots=True)
class Purge(_Write[int]):
    """Delete processed events that were marked ``older_than`` seconds ago or longer; how many.

    Sequence numbers go on where they were. At most ``most`` in one request; fewer only where
    no more are left.
    """

    name: ClassVar[str] = "outbox.purge"
    older_than: float
    most: int = 10_000

    def run(self, driver: OutboxDriver) -> Awaitable[int]:
        return driver.purge(self)


@dataclass(frozen=True, slots=True)
class Begin(Operation[OutboxDriver, Transaction]):
    """Begin a transaction of the driver's store."""

    name: ClassVar[str] = "outbox.begin"

    @property
    def effect(self) -> Effect:
        return Effect.ONCE

    def needs(self) -> frozenset[Feature]:
        return frozenset({OutboxFeature.TRANSACTION})

    def run(self, driver: OutboxDriver) -> Awaitable[Transaction]:
        return driver.begin(self)


def _place(space: str, event_id: str) -> str:
    return f"{len(space)}:{space}:{event_id}"
