"""The outbox contract inside a transaction: events are kept together at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from omnicloud.contracts.outbox.driver import (
    Begin,
    Claim,
    Fail,
    Keep,
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
    OutboxLimits,
)
from omnicloud.core.operation import Feature
from omnicloud.core.transactions import Transaction
from omnicloud.errors import InvalidArgumentError
from omnicloud_redis.commands import Argument
from omnicloud_redis.events import stored_parts
from omnicloud_redis.transaction import Check, RedisTransaction

__all__ = ["OutboxInside", "OutboxPiece", "Outside"]


class Outside(OutboxDriver, Protocol):
    """The driver outside, and what the one inside asks of it besides."""

    def base(self, space: str) -> bytes:
        """What all keys of a space start with."""

    async def events(self, space: str, event_ids: Iterable[str]) -> tuple[EventRecord, ...]:
        """The stored ones of these events."""

    async def last_sequence(self, space: str, aggregate_key: str) -> int:
        """The number of the aggregate's last event, 0 before the first."""


@dataclass(slots=True)
class OutboxPiece:
    """What a transaction saved, marked and read of one space.

    Attributes:
        sequences: Of aggregates whose numbers were told inside, the last one outside.
    """

    base: bytes
    saved: dict[str, EventRecord] = field(default_factory=dict)
    marked: dict[str, None] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)

    def checks(self) -> list[Check]:
        """What must still be so at the end."""
        return [
            ("field", self.base + b"sequences", f"={aggregate}", str(last) if last else "")
            for aggregate, last in self.sequences.items()
        ]

    def writes(self) -> list[Argument]:
        """The writes, one after another."""
        found: list[Argument] = []
        for record in self.saved.values():
            found += ("save", self.base, *stored_parts(_as_new(record)))
        for event_id in self.marked:
            found += ("mark", self.base, event_id)
        return found


class OutboxInside:
    """An outbox driver inside a transaction, around the one outside.

    Relays do their work outside of transactions: what they ask is refused here.
    """

    def __init__(self, outside: Outside, transaction: RedisTransaction) -> None:
        self._outside = outside
        self._transaction = transaction

    @property
    def features(self) -> frozenset[Feature]:
        return self._outside.features

    @property
    def limits(self) -> OutboxLimits:
        return self._outside.limits

    async def save(self, op: Save, /) -> None:
        piece = self._piece(op.space)
        event = op.event
        stored = await self._outside.events(op.space, (event.event_id,))
        if not stored and event.event_id not in piece.saved:
            now = self._transaction.store.clock.wall()
            piece.saved[event.event_id] = _as_record(event, now)

    async def mark(self, op: Mark, /) -> None:
        piece = self._piece(op.space)
        piece.marked.update(dict.fromkeys(op.event_ids))
        await asyncio.sleep(0)

    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        piece = self._piece(op.space)
        if not piece.saved and not piece.marked:
            return await self._outside.list_events(op)
        every = await self._all(piece, op)
        ids = [one.event_id for one in every]
        # What was marked in here meanwhile keeps its place.
        first = 0 if op.after is None else ids.index(op.after) + 1 if op.after in ids else len(ids)
        return tuple([one for one in every[first:] if one.status is op.status][: op.limit])

    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        piece = self._piece(op.space)
        if not piece.saved and not piece.marked:
            return await self._outside.list_aggregates(op)
        query = ListEvents(op.space, EventStatus.PENDING, every=True)
        keys = {one.aggregate_key for one in await self._all(piece, query) if _is_pending(one)}
        named = sorted(key for key in keys if key is not None)
        return tuple(key for key in named if op.after is None or key > op.after)[: op.limit]

    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        raise await self._refused()

    async def keep(self, op: Keep, /) -> None:
        raise await self._refused()

    async def fail(self, op: Fail, /) -> None:
        raise await self._refused()

    async def requeue(self, op: Requeue, /) -> bool:
        raise await self._refused()

    async def lag(self, op: Lag, /) -> OutboxLag:
        return await self._outside.lag(op)

    async def purge(self, op: Purge, /) -> int:
        raise await self._refused()

    async def begin(self, op: Begin, /) -> Transaction:
        return await self._outside.begin(op)

    def within(self, transaction: object, /) -> OutboxDriver:
        return self._outside.within(transaction)

    async def aclose(self) -> None:
        """Nothing is held."""
        await asyncio.sleep(0)

    def _piece(self, space: str) -> OutboxPiece:
        self._transaction.check_open()
        base = self._outside.base(space)
        return self._transaction.piece(("outbox", base), lambda: OutboxPiece(base))

    async def _all(self, piece: OutboxPiece, op: ListEvents) -> list[EventRecord]:
        """Everything of that list as it will be: stored, marked and saved events."""
        found = await self._stored(op)
        known = {one.event_id for one in found}
        marked = await self._outside.events(op.space, piece.marked)
        found += [one for one in marked if one.event_id not in known and _is_asked(one, op)]
        found += [
            await self._numbered(piece, op.space, one)
            for one in piece.saved.values()
            if _is_asked(one, op)
        ]
        done = EventStatus.PROCESSED
        return [replace(one, status=done) if one.event_id in piece.marked else one for one in found]

    async def _stored(self, op: ListEvents) -> list[EventRecord]:
        found: list[EventRecord] = []
        page = replace(op, after=None, limit=1000)
        while True:
            some = await self._outside.list_events(page)
            found += some
            if len(some) < page.limit:
                return found
            page = replace(page, after=some[-1].event_id)

    async def _numbered(self, piece: OutboxPiece, space: str, event: EventRecord) -> EventRecord:
        """A saved event with the number that it will have, if no one else saves one before."""
        key = event.aggregate_key
        if key is None:
            return event
        if key not in piece.sequences:
            piece.sequences[key] = await self._outside.last_sequence(space, key)
        mine = [one.event_id for one in piece.saved.values() if one.aggregate_key == key]
        number = piece.sequences[key] + 1 + mine.index(event.event_id)
        return replace(event, sequence_id=number)

    async def _refused(self) -> InvalidArgumentError:
        await asyncio.sleep(0)
        return InvalidArgumentError(
            "a transaction of the outbox saves, marks and lists events, and no more",
            hint="let relays use the outbox outside of it",
        )


def _is_asked(event: EventRecord, op: ListEvents) -> bool:
    return op.every or event.aggregate_key == op.aggregate_key


def _is_pending(event: EventRecord) -> bool:
    return event.status is EventStatus.PENDING


def _as_record(event: NewEvent, now: float) -> EventRecord:
    return EventRecord(
        event.event_id,
        event.destination_topic,
        event.payload,
        event.message_key,
        event.aggregate_key,
        None,
        EventStatus.PENDING,
        0,
        now,
    )


def _as_new(record: EventRecord) -> NewEvent:
    return NewEvent(
        record.event_id,
        record.destination_topic,
        record.payload,
        record.message_key,
        record.aggregate_key,
    )
