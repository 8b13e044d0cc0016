"""The outbox contract on a server: events beside the business rows of the same database.

``within`` takes a transaction of this provider, and an application's own asyncpg connection or
SQLAlchemy session, so that events are committed with whatever else is written there.
"""

from __future__ import annotations

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
    OutboxFeature,
    OutboxLag,
    OutboxLimits,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.core.transactions import Transaction
from omnicloud_postgres import outbox_sql as sql
from omnicloud_postgres.config import PostgresConfig
from omnicloud_postgres.pool import Row
from omnicloud_postgres.runner import Runner
from omnicloud_postgres.signals import bell_of
from omnicloud_postgres.store import Store, store_of

__all__ = ["FEATURES", "PostgresOutbox", "open_outbox"]

FEATURES: frozenset[Feature] = frozenset(OutboxFeature)

_LIMITS = OutboxLimits(name_max_bytes=2048, payload_max_bytes=16 << 20, claim_max_events=10_000)

_STATUS = {EventStatus.PENDING: 0, EventStatus.PARKED: 1, EventStatus.PROCESSED: 2}
_NAMES = {number: status for status, number in _STATUS.items()}

Records = tuple[EventRecord, ...]


class PostgresOutbox:
    """An outbox driver over a :class:`Store`, or inside a transaction."""

    def __init__(
        self,
        store: Store,
        name: str,
        features: frozenset[Feature],
        inside: Runner | None = None,
    ) -> None:
        self._store = store
        self._name = name
        self._features = features
        self._runner: Runner = store if inside is None else inside

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> OutboxLimits:
        return _LIMITS

    async def save(self, op: Save, /) -> None:
        event = op.event
        await self._runner.rows(
            sql.SAVE,
            *self._place(op.space),
            event.event_id.encode(),
            event.destination_topic.encode(),
            event.payload,
            _bytes(event.message_key),
            _bytes(event.aggregate_key),
            self._bell(op.space),
        )

    async def list_events(self, op: ListEvents, /) -> Records:
        where = (*self._place(op.space), _STATUS[op.status], _bytes(op.after), op.limit)
        if op.every:
            rows = await self._runner.rows(sql.LIST.format("true"), *where)
        elif op.aggregate_key is None:
            rows = await self._runner.rows(sql.LIST.format("e.aggregate IS NULL"), *where)
        else:
            lane = sql.LIST.format("e.aggregate = $6")
            rows = await self._runner.rows(lane, *where, op.aggregate_key.encode())
        return tuple(map(_record, rows))

    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        where = (*self._place(op.space), _bytes(op.after), op.limit)
        rows = await self._runner.rows(sql.AGGREGATES, *where)
        return tuple(row[0].decode() for row in rows)

    async def mark(self, op: Mark, /) -> None:
        await self._change(sql.MARK, op.space, op.event_ids)

    async def claim(self, op: Claim, /) -> Records:
        signals, clock = self._store.signals, self._store.clock
        until, bell = clock.monotonic() + op.wait, self._bell(op.space)
        while True:
            mark = signals.mark(bell)
            claimed = await self._claimed(op)
            if claimed or clock.monotonic() >= until:
                return claimed
            soon = await self._free_in(op.space)
            await signals.rung(bell, mark, min(until - clock.monotonic(), soon))

    async def keep(self, op: Keep, /) -> None:
        await self._change(sql.KEEP, op.space, op.event_ids, op.owner.encode(), op.lease)

    async def fail(self, op: Fail, /) -> None:
        status = _STATUS[EventStatus.PARKED if op.park else EventStatus.PENDING]
        more = (op.owner.encode(), op.delay, status)
        await self._change(sql.FAIL, op.space, (op.event_id,), *more)

    async def requeue(self, op: Requeue, /) -> bool:
        return bool(await self._change(sql.REQUEUE, op.space, (op.event_id,)))

    async def lag(self, op: Lag, /) -> OutboxLag:
        ((pending, parked, oldest),) = await self._runner.rows(sql.LAG, *self._place(op.space))
        return OutboxLag(pending, parked, max(0.0, oldest or 0.0))

    async def purge(self, op: Purge, /) -> int:
        where = (*self._place(op.space), op.older_than, op.most)
        return len(await self._runner.rows(sql.PURGE, *where))

    async def begin(self, op: Begin, /) -> Transaction:
        return await self._store.begin()

    def within(self, transaction: object, /) -> PostgresOutbox:
        inside = self._store.joined(transaction)
        return PostgresOutbox(self._store, self._name, self._features, inside)

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    def _place(self, space: str) -> tuple[str, bytes]:
        return self._name, space.encode()

    def _bell(self, space: str) -> int:
        return bell_of("outbox", self._name, space)

    async def _change(
        self, statement: str, space: str, event_ids: tuple[str, ...], *more: object
    ) -> list[Row]:
        ids = [one.encode() for one in event_ids]
        where = (*self._place(space), ids, self._bell(space))
        return await self._runner.rows(statement, *where, *more)

    async def _claimed(self, op: Claim) -> Records:
        asked = (op.owner.encode(), op.most, op.lease, self._bell(op.space))
        rows = await self._runner.rows(sql.CLAIM, *self._place(op.space), *asked)
        return tuple(_record(row[:9]) for row in map(tuple, rows))

    async def _free_in(self, space: str) -> float:
        """Seconds until a claim ends or a wait is over, the next time."""
        ((left,),) = await self._runner.rows(sql.FREE_AT, *self._place(space))
        return float("inf") if left is None else max(0.0, left) + 0.001


async def open_outbox(config: PostgresConfig, opening: Opening) -> PostgresOutbox:
    """An outbox driver on the configured database."""
    store = await store_of(config, opening)
    await store.define(sql.SCHEMA)
    durable = (await store.facts()).durable
    features = FEATURES if durable else FEATURES - {OutboxFeature.DURABLE}
    return PostgresOutbox(store, config.space_of(opening.service.name), features)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _text(stored: bytes | None) -> str | None:
    return None if stored is None else stored.decode()


def _record(row: Row) -> EventRecord:
    event_id, topic, payload, message_key, aggregate, sequence, status, attempts, saved = row
    return EventRecord(
        event_id.decode(),
        topic.decode(),
        payload,
        _text(message_key),
        _text(aggregate),
        sequence,
        _NAMES[status],
        attempts,
        saved,
    )
