"""The outbox contract in memory: every feature but durability."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from omnicloud.contracts.outbox.driver import (
    Begin,
    Claim,
    Fail,
    Keep,
    Lag,
    ListAggregates,
    ListEvents,
    Mark,
    Purge,
    Requeue,
    Save,
)
from omnicloud.contracts.outbox.models import (
    EventRecord,
    EventStatus,
    NewEvent,
    OutboxFeature,
    OutboxLag,
    OutboxLimits,
)
from omnicloud.core.operation import Feature
from omnicloud.memory.store import MemoryStore, MemoryTransaction, Rows

__all__ = ["FEATURES", "MemoryOutbox"]

FEATURES: frozenset[Feature] = frozenset(OutboxFeature) - {OutboxFeature.DURABLE}


@dataclass(frozen=True, slots=True)
class _Row:
    """A stored event, the so many-th. Moments are monotonic, ``saved_at`` is a stamp."""

    number: int
    event: NewEvent
    sequence: int | None
    saved_at: float
    born: float
    status: EventStatus = EventStatus.PENDING
    attempts: int = 0
    owner: str = ""
    claimed_until: float = 0.0
    ready_at: float = 0.0
    processed: float = 0.0

    def record(self) -> EventRecord:
        event = self.event
        return EventRecord(
            event.event_id,
            event.destination_topic,
            event.payload,
            event.message_key,
            event.aggregate_key,
            self.sequence,
            self.status,
            self.attempts,
            self.saved_at,
        )


class MemoryOutbox:
    """An outbox driver over rows of a :class:`MemoryStore`.

    Open events (pending and parked) and processed ones are in two tables, the open ones in the
    order of arrival; the last number of each aggregate is in a third.
    """

    def __init__(
        self,
        store: MemoryStore,
        namespace: str = "",
        *,
        transaction: MemoryTransaction | None = None,
    ) -> None:
        self._store = store
        self._namespace = namespace
        self._transaction = transaction

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> OutboxLimits:
        return OutboxLimits(payload_max_bytes=16 << 20, claim_max_events=10_000)

    async def save(self, op: Save, /) -> None:
        await self._turn()
        self._add(op.space, op.event)
        self._tell()

    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        await self._store.reading()
        opened, done = self._rows("open", op.space), self._rows("done", op.space)
        # It keeps its place although it may have left this list since it was told of.
        after: _Row | None = opened.get(op.after) or done.get(op.after)
        if op.after is not None and after is None:
            return ()
        rows: Iterable[_Row] = (done if op.status is EventStatus.PROCESSED else opened).values()
        found: Iterator[_Row] = (
            row
            for row in sorted(rows, key=lambda row: row.number)
            if row.status is op.status
            and (op.every or row.event.aggregate_key == op.aggregate_key)
            and (after is None or row.number > after.number)
        )
        return tuple(row.record() for row in islice(found, op.limit))

    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        await self._store.reading()
        keys = {
            row.event.aggregate_key
            for row in self._rows("open", op.space).values()
            if row.status is EventStatus.PENDING and row.event.aggregate_key is not None
        }
        return tuple(sorted(key for key in keys if op.after is None or key > op.after)[: op.limit])

    async def mark(self, op: Mark, /) -> None:
        await self._turn()
        opened, done = self._rows("open", op.space), self._rows("done", op.space)
        for event_id in op.event_ids:
            row: _Row | None = opened.pop(event_id, None)
            if row is not None:
                now = self._now()
                done[event_id] = replace(row, status=EventStatus.PROCESSED, processed=now)
        self._tell()

    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        until = self._now() + op.wait
        while True:
            await self._turn()
            now = self._now()
            rows = self._rows("open", op.space)
            found = _claimable(rows, now, op.most)
            for row in found:
                claimed = replace(row, owner=op.owner, claimed_until=now + op.lease)
                rows[row.event.event_id] = claimed
            if found or now >= until:
                return tuple(row.record() for row in found)
            wake = min((moment for moment in _moments(rows) if moment > now), default=until)
            await self._store.changed(min(wake, until) - now)

    async def keep(self, op: Keep, /) -> None:
        await self._turn()
        until = self._now() + op.lease
        for event_id in op.event_ids:
            row = self._claimed(op.space, event_id, op.owner)
            if row is not None:
                self._rows("open", op.space)[event_id] = replace(row, claimed_until=until)
        self._tell()

    async def fail(self, op: Fail, /) -> None:
        await self._turn()
        row = self._claimed(op.space, op.event_id, op.owner)
        if row is None:
            return
        self._rows("open", op.space)[op.event_id] = replace(
            row,
            status=EventStatus.PARKED if op.park else EventStatus.PENDING,
            attempts=row.attempts + 1,
            claimed_until=0.0,
            ready_at=self._now() + op.delay,
        )
        self._tell()

    async def requeue(self, op: Requeue, /) -> bool:
        await self._turn()
        rows = self._rows("open", op.space)
        row: _Row | None = rows.get(op.event_id)
        if row is None or row.status is not EventStatus.PARKED:
            return False
        rows[op.event_id] = replace(row, status=EventStatus.PENDING, attempts=0, ready_at=0.0)
        self._tell()
        return True

    async def lag(self, op: Lag, /) -> OutboxLag:
        await self._store.reading()
        rows: list[_Row] = list(self._rows("open", op.space).values())
        born = [row.born for row in rows if row.status is EventStatus.PENDING]
        oldest = self._now() - min(born) if born else 0.0
        return OutboxLag(len(born), len(rows) - len(born), oldest)

    async def purge(self, op: Purge, /) -> int:
        await self._turn()
        done = self._rows("done", op.space)
        before = self._now() - op.older_than
        old = [event_id for event_id, row in done.items() if row.processed <= before][: op.most]
        for event_id in old:
            del done[event_id]
        return len(old)

    async def begin(self, op: Begin, /) -> MemoryTransaction:
        return await self._store.begin()

    def within(self, transaction: object, /) -> MemoryOutbox:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who made it."""

    # What follows decides without awaiting.

    async def _turn(self) -> None:
        if self._transaction is None:
            await self._store.turn()
        else:
            await self._store.reading()
            with self._transaction.use():
                pass

    def _rows(self, table: str, space: str) -> Rows:
        owner = self._store if self._transaction is None else self._transaction
        return owner.rows(("outbox", self._namespace, table, space))

    def _add(self, space: str, event: NewEvent) -> None:
        opened = self._rows("open", space)
        if event.event_id in opened or event.event_id in self._rows("done", space):
            return
        sequence: int | None = None
        if event.aggregate_key is not None:
            numbers = self._rows("numbers", space)
            sequence = numbers[event.aggregate_key] = numbers.get(event.aggregate_key, 0) + 1
        stamp = self._store.clock.wall()
        opened[event.event_id] = _Row(self._store.number(), event, sequence, stamp, self._now())

    def _claimed(self, space: str, event_id: str, owner: str) -> _Row | None:
        row: _Row | None = self._rows("open", space).get(event_id)
        if row is None or row.owner != owner or row.claimed_until <= self._now():
            return None
        return row

    def _now(self) -> float:
        return self._store.clock.monotonic()

    def _tell(self) -> None:
        if self._transaction is None:
            self._store.tell()


def _claimable(rows: Rows, now: float, most: int) -> list[_Row]:
    """The oldest free events; of an aggregate none behind, or beside, one that is not free."""
    held = {
        row.event.aggregate_key
        for row in rows.values()
        if row.claimed_until > now or row.status is EventStatus.PARKED
    }
    held.discard(None)
    found: list[_Row] = []
    for row in rows.values():
        key = row.event.aggregate_key
        if key in held:
            continue
        pending = row.status is EventStatus.PENDING
        if pending and row.claimed_until <= now and row.ready_at <= now:
            found.append(row)
            if len(found) >= most:
                break
        elif key is not None:
            held.add(key)
    return found


def _moments(rows: Rows) -> Iterator[float]:
    for row in rows.values():
        yield row.claimed_until
        yield row.ready_at
