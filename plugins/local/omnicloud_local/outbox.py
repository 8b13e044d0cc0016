"""The outbox contract in SQLite: events beside the business rows of the same file.

Numbers of an aggregate's events are drawn in the transaction that saves them, and SQLite has
one writer at a time: an event that is rolled back uses up none. Leases end by the wall clock,
the only one that processes share.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

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
from omnicloud_local.config import LocalConfig
from omnicloud_local.database import Database
from omnicloud_local.joint_tables import OUTBOX
from omnicloud_local.shared import database_of
from omnicloud_local.writer import WriterTransaction

__all__ = ["FEATURES", "LocalOutbox", "open_outbox"]

T = TypeVar("T")

FEATURES: frozenset[Feature] = frozenset(OutboxFeature)

_LIMITS = OutboxLimits(payload_max_bytes=16 << 20, claim_max_events=10_000)

_STATUS = {EventStatus.PENDING: 0, EventStatus.PARKED: 1, EventStatus.PROCESSED: 2}
_NAMES = {number: status for status, number in _STATUS.items()}

_COLUMNS = """event_id, topic, payload, message_key, aggregate, sequence, status, attempts,
saved, number"""
_KNOWN = "SELECT 1 FROM ox_event WHERE name = ? AND space = ? AND event_id = ?"
_NUMBER = """INSERT INTO ox_number VALUES (?, ?, ?, 1)
ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last"""
_SAVE = """INSERT INTO ox_event
(name, space, event_id, topic, payload, message_key, aggregate, sequence, saved)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_LIST = f"""SELECT {_COLUMNS} FROM ox_event
WHERE name = ? AND space = ? AND status = ? AND (? OR aggregate IS ?) AND number >
    ifnull((SELECT number FROM ox_event WHERE name = ? AND space = ? AND event_id = ?), 0)
ORDER BY number LIMIT ?"""  # noqa: S608 - constants
_AGGREGATES = """SELECT DISTINCT aggregate FROM ox_event
WHERE name = ? AND space = ? AND status < 2 AND status = 0 AND aggregate > ifnull(?, '')
ORDER BY aggregate LIMIT ?"""
_MARK = """UPDATE ox_event SET status = 2, processed = ?, claimed = 0, ready = 0
WHERE name = ? AND space = ? AND event_id = ? AND status < 2"""
# Aggregates of which an event is claimed or parked, and from which event on one waits.
_BUSY = """SELECT aggregate,
    max(claimed > ?3 OR status = 1),
    min(CASE WHEN ready > ?3 THEN sequence END)
FROM ox_event WHERE name = ?1 AND space = ?2 AND aggregate IS NOT NULL
    AND status < 2 AND (claimed > 0 OR ready > 0 OR status = 1) GROUP BY aggregate"""
_FREE = f"""SELECT {_COLUMNS} FROM ox_event WHERE name = ? AND space = ? AND status < 2
AND status = 0 AND claimed <= ? AND ready <= ? ORDER BY number"""  # noqa: S608 - constants
_CLAIM = "UPDATE ox_event SET owner = ?, claimed = ? WHERE number = ?"
_SOON = """SELECT min(CASE WHEN claimed > ?3 THEN claimed ELSE ready END) FROM ox_event
WHERE name = ?1 AND space = ?2 AND status < 2 AND (claimed > 0 OR ready > 0 OR status = 1)
AND (claimed > ?3 OR ready > ?3)"""
_KEEP = """UPDATE ox_event SET claimed = ? WHERE name = ? AND space = ? AND event_id = ?
AND status = 0 AND owner = ? AND claimed > ?"""
_FAIL = """UPDATE ox_event SET status = ?, attempts = attempts + 1, claimed = 0, ready = ?
WHERE name = ? AND space = ? AND event_id = ? AND status = 0 AND owner = ? AND claimed > ?"""
_REQUEUE = """UPDATE ox_event SET status = 0, attempts = 0, claimed = 0, ready = 0
WHERE name = ? AND space = ? AND event_id = ? AND status = 1"""
_LAG = """SELECT count(*), sum(status = 0), min(CASE WHEN status = 0 THEN saved END)
FROM ox_event WHERE name = ? AND space = ? AND status < 2"""
_PURGE = """DELETE FROM ox_event WHERE number IN (SELECT number FROM ox_event
WHERE name = ? AND space = ? AND status = 2 AND processed <= ? LIMIT ?)"""

Row = tuple[Any, ...]


class LocalOutbox:
    """An outbox driver over a :class:`Database`, or inside one of its transactions."""

    def __init__(
        self, database: Database, name: str, *, transaction: WriterTransaction | None = None
    ) -> None:
        self._database = database
        self._name = name
        self._transaction = transaction

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> OutboxLimits:
        return _LIMITS

    async def save(self, op: Save, /) -> None:
        event, place = op.event, (self._name, op.space)

        def write(db: sqlite3.Connection) -> None:
            if db.execute(_KNOWN, (*place, event.event_id)).fetchone():
                return
            sequence: int | None = None
            if event.aggregate_key is not None:
                sequence = db.execute(_NUMBER, (*place, event.aggregate_key)).fetchone()[0]
            row = (event.event_id, event.destination_topic, event.payload, event.message_key)
            db.execute(_SAVE, (*place, *row, event.aggregate_key, sequence, self._now()))

        await self._write(write)

    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        place = (self._name, op.space)
        where = (*place, _STATUS[op.status], op.every, op.aggregate_key, *place, op.after, op.limit)
        rows = await self._read(lambda db: db.execute(_LIST, where).fetchall())
        return tuple(map(_record, rows))

    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        where = (self._name, op.space, op.after, op.limit)
        rows = await self._read(lambda db: db.execute(_AGGREGATES, where).fetchall())
        return tuple(row[0] for row in rows)

    async def mark(self, op: Mark, /) -> None:
        def write(db: sqlite3.Connection) -> None:
            now = self._now()
            db.executemany(_MARK, [(now, self._name, op.space, one) for one in op.event_ids])

        await self._write(write)

    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        until = self._now() + op.wait
        while True:
            mark = self._database.mark()
            claimed: tuple[EventRecord, ...] = ()
            # A write wakes whoever waits for news, and that is this call itself.
            if await self._read(lambda db: self._free(db, replace(op, most=1))):
                claimed = await self._write(lambda db: self._claimed(db, op))
            now = self._now()
            if claimed or now >= until:
                return claimed
            soon = await self._free_at(op, now)
            wake = until if soon is None else min(until, soon)
            await self._database.changed(mark, max(0.0, wake - now))

    async def _free_at(self, op: Claim, now: float) -> float | None:
        """When a claim ends or a wait is over, the next time."""
        where = (self._name, op.space, now)
        found = await self._read(lambda db: db.execute(_SOON, where).fetchone())
        return None if found is None else found[0]

    def _claimed(self, db: sqlite3.Connection, op: Claim) -> tuple[EventRecord, ...]:
        found, until = self._free(db, op), self._now() + op.lease
        db.executemany(_CLAIM, [(op.owner, until, row[-1]) for row in found])
        return tuple(map(_record, found))

    def _free(self, db: sqlite3.Connection, op: Claim) -> list[Row]:
        """Those that may be claimed at this moment."""
        now, place = self._now(), (self._name, op.space)
        busy = {row[0]: row[1:] for row in db.execute(_BUSY, (*place, now))}
        found: list[Row] = []
        for row in db.execute(_FREE, (*place, now, now)):
            held, waiting = busy.get(row[4], (0, None))
            if not held and (waiting is None or row[5] < waiting):
                found.append(row)
                if len(found) >= op.most:
                    break
        return found

    async def keep(self, op: Keep, /) -> None:
        def write(db: sqlite3.Connection) -> None:
            now = self._now()
            until = now + op.lease if op.lease > 0 else 0.0
            place = (self._name, op.space)
            db.executemany(_KEEP, [(until, *place, one, op.owner, now) for one in op.event_ids])

        await self._write(write)

    async def fail(self, op: Fail, /) -> None:
        def write(db: sqlite3.Connection) -> None:
            now = self._now()
            status = _STATUS[EventStatus.PARKED if op.park else EventStatus.PENDING]
            place = (self._name, op.space, op.event_id)
            db.execute(_FAIL, (status, now + op.delay, *place, op.owner, now))

        await self._write(write)

    async def requeue(self, op: Requeue, /) -> bool:
        where = (self._name, op.space, op.event_id)
        return await self._write(lambda db: db.execute(_REQUEUE, where).rowcount > 0)

    async def lag(self, op: Lag, /) -> OutboxLag:
        where = (self._name, op.space)
        total, pending, oldest = await self._read(lambda db: db.execute(_LAG, where).fetchone())
        pending = pending or 0
        age = 0.0 if oldest is None else max(0.0, self._now() - oldest)
        return OutboxLag(pending, total - pending, age)

    async def purge(self, op: Purge, /) -> int:
        where = (self._name, op.space, self._now() - op.older_than, op.most)
        return await self._write(lambda db: db.execute(_PURGE, where).rowcount)

    async def begin(self, op: Begin, /) -> WriterTransaction:
        return await self._database.begin()

    def within(self, transaction: object, /) -> LocalOutbox:
        joined = self._database.joined(transaction)
        return LocalOutbox(self._database, self._name, transaction=joined)

    async def aclose(self) -> None:
        """Nothing is held: the database belongs to who opened it."""

    def _now(self) -> float:
        return self._database.clock.wall()

    async def _read(self, piece: Callable[[sqlite3.Connection], T]) -> T:
        if self._transaction is not None:
            return await self._transaction.run(piece)
        return await self._database.read(piece)

    async def _write(self, piece: Callable[[sqlite3.Connection], T]) -> T:
        if self._transaction is not None:
            return await self._transaction.run(piece)
        return await self._database.write(piece)


def _record(row: Row) -> EventRecord:
    event_id, topic, payload, message_key, aggregate, sequence, status, attempts, saved, _ = row
    return EventRecord(
        event_id,
        topic,
        payload,
        message_key,
        aggregate,
        sequence,
        _NAMES[status],
        attempts,
        saved,
    )


async def open_outbox(config: LocalConfig, opening: Opening) -> LocalOutbox:
    """An outbox driver on the database of the configured folder."""
    database = await database_of(config, opening)
    await database.define(OUTBOX)
    return LocalOutbox(database, config.namespace_of(opening.service.name))
