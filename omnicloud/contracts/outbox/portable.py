"""The class users hold: events saved beside business writes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol, final

from omnicloud.contracts.outbox.driver import (
    Begin,
    Lag,
    ListAggregates,
    ListEvents,
    Mark,
    OutboxDriver,
    Purge,
    Requeue,
    Save,
)
from omnicloud.contracts.outbox.models import (
    EventRecord,
    EventStatus,
    NewEvent,
    OutboxLag,
    StoredEvent,
)
from omnicloud.core.arguments import between, check_fields
from omnicloud.core.codec import encoded_payload
from omnicloud.core.durations import Seconds, seconds
from omnicloud.core.names import check_name
from omnicloud.core.pipeline import Pipeline
from omnicloud.core.transactions import ended
from omnicloud.errors import InvalidArgumentError

__all__ = ["SPACE", "EventLike", "Outbox", "stored"]

SPACE = "default"
"""The space of all events of a service outside every tenant."""

_PAGE = 1000
_PURGE_PAGE = 10_000


_EVENT = ("destination_topic", "payload", "message_key", "aggregate_key")


class EventLike(Protocol):
    """Anything with the attributes of an :class:`OutboxEvent`."""

    @property
    def destination_topic(self) -> str: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def message_key(self) -> str | None: ...
    @property
    def aggregate_key(self) -> str | None: ...


@final
class Outbox:
    """Events that are saved with a business write and published later by a relay.

    Topics and keys are names: any Unicode of 1 to 1,024 bytes of UTF-8. Every method may raise
    :class:`~omnicloud.errors.UnavailableError` (unknown), ``DeadlineExceededError`` (unknown)
    and ``ClosedError``.
    """

    def __init__(self, pipeline: Pipeline[OutboxDriver]) -> None:
        self._pipeline = pipeline

    @property
    def pipeline(self) -> Pipeline[OutboxDriver]:
        """The way to the driver."""
        return self._pipeline

    async def save_event(self, event: EventLike) -> str:
        """Save an event and return its ``event_id``.

        Raises:
            InvalidArgumentError: A bound is broken; nothing was sent.
        """
        check_fields(
            event, _EVENT, "an event", 'OutboxEvent("orders", b"placed", aggregate_key="o-17")'
        )
        new = NewEvent(
            uuid.uuid4().hex,
            check_name(event.destination_topic, "destination_topic"),
            encoded_payload(event.payload),
            _name_or_none(event.message_key, "message_key"),
            _name_or_none(event.aggregate_key, "aggregate_key"),
        )
        await self._pipeline.send(Save(SPACE, new))
        return new.event_id

    async def get_pending_unordered_events(self, limit: int = 100) -> list[StoredEvent]:
        """At most ``limit`` pending events without an aggregate, oldest first."""
        op = ListEvents(SPACE, EventStatus.PENDING, limit=between(limit, 1, 10_000, "limit"))
        return [stored(record) for record in await self._pipeline.send(op)]

    async def get_pending_events_for_aggregate(self, aggregate_key: str) -> list[StoredEvent]:
        """The pending events of an aggregate in the order of their ``sequence_id``."""
        check_name(aggregate_key, "aggregate_key")
        pages = self._events(EventStatus.PENDING, aggregate_key, every=False)
        return [event async for event in pages]

    async def get_pending_aggregate_keys(self) -> list[str]:
        """The keys of aggregates that have a pending event, each once."""
        found: list[str] = []
        while True:
            op = ListAggregates(SPACE, found[-1] if found else None, _PAGE)
            page = await self._pipeline.send(op)
            found.extend(page)
            if len(page) < _PAGE:
                return found

    async def mark_as_processed(self, event: Mapping[str, object] | StoredEvent | str) -> None:
        """Make an event processed; the event as it was read, or its id.

        Doing so twice changes nothing more, nor is an unknown one an error. A parked event is
        skipped by it.
        """
        event_id = event.get("event_id") if isinstance(event, Mapping) else event
        if not isinstance(event_id, str):
            raise InvalidArgumentError("event must be a stored event or its event_id")
        await self._pipeline.send(Mark(SPACE, (check_name(event_id, "event_id"),)))

    async def parked(self) -> AsyncIterator[StoredEvent]:
        """The events that the relay gave up, oldest first."""
        async for event in self._events(EventStatus.PARKED, None, every=True):
            yield event

    async def requeue(self, event_id: str) -> bool:
        """Let a parked event be published again in its old place; whether it was parked."""
        return await self._pipeline.send(Requeue(SPACE, check_name(event_id, "event_id")))

    async def lag(self) -> OutboxLag:
        """How far publishing is behind."""
        return await self._pipeline.send(Lag(SPACE))

    async def purge(self, older_than: Seconds) -> int:
        """Delete events that were processed so long ago or longer; how many.

        Sequence numbers go on where they were.
        """
        age = seconds(older_than, "older_than")
        total = 0
        while True:
            count = await self._pipeline.send(Purge(SPACE, age, _PURGE_PAGE))
            total += count
            if count < _PURGE_PAGE:
                return total

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Outbox]:
        """A block whose events are saved together when it ends, or not at all when it raises.

        Use the yielded outbox inside. Needs ``transaction``. For writes of several contracts
        of one store in one transaction, give it to the ``within`` of each.

        Raises:
            ConflictError: At the end, or at a call inside: another writer came first; nothing
                was written. Run the block again.
        """
        transaction = await self._pipeline.send(Begin())
        async with ended(transaction):
            yield self.within(transaction)

    def within(self, transaction: object) -> Outbox:
        """This outbox inside a transaction of the same store.

        Raises:
            InvalidArgumentError: The transaction belongs to another store.
        """
        driver = self._pipeline.driver.within(transaction)
        return Outbox(self._pipeline.around(driver))

    async def aclose(self) -> None:
        """Close; calls in flight get a grace. Twice is silent."""
        await self._pipeline.aclose()

    async def _events(
        self, status: EventStatus, aggregate_key: str | None, *, every: bool
    ) -> AsyncIterator[StoredEvent]:
        after: str | None = None
        while True:
            op = ListEvents(SPACE, status, aggregate_key, every, after, _PAGE)
            page = await self._pipeline.send(op)
            for record in page:
                yield stored(record)
            if len(page) < _PAGE:
                return
            after = page[-1].event_id


def stored(record: EventRecord) -> StoredEvent:
    """A record as users see it."""
    return StoredEvent(
        event_id=record.event_id,
        destination_topic=record.destination_topic,
        payload=record.payload,
        message_key=record.message_key,
        aggregate_key=record.aggregate_key,
        sequence_id=record.sequence_id,
        status=record.status.value,
        attempts=record.attempts,
        saved_at=record.saved_at,
    )


def _name_or_none(name: str | None, what: str) -> str | None:
    return None if name is None else check_name(name, what)
