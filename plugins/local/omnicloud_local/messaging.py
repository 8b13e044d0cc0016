"""The messaging contract in SQLite: topics that several processes share, no broker."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from omnicloud.contracts.messaging.driver import (
    Ack,
    Cancel,
    DeadLetters,
    Extend,
    Kill,
    Measure,
    Nack,
    Publish,
    Receive,
    Redrive,
    Replay,
    Subscribe,
)
from omnicloud.contracts.messaging.models import (
    DeadPage,
    DeadRecord,
    Delivery,
    Depth,
    MessagingFeature,
    MessagingLimits,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud_local.config import LocalConfig
from omnicloud_local.database import Database
from omnicloud_local.messaging_tables import SCHEMA, TopicTables
from omnicloud_local.shared import database_of

__all__ = ["FEATURES", "LocalMessaging", "open_messaging"]

T = TypeVar("T")

FEATURES: frozenset[Feature] = frozenset(MessagingFeature)

_KEPT_SECONDS = 86400.0

_LIMITS = MessagingLimits(
    payload_max_bytes=16 << 20,
    batch_max_items=10_000,
    retention_seconds=_KEPT_SECONDS,
    dedupe_seconds=_KEPT_SECONDS,
)
_SWEEP_EVERY = 512  # publishes

_DEAD = """SELECT m.id, m.payload, m.key, m.headers, m.published, g.name, d.reason, d.attempts,
d.died, d.number FROM ms_dead d JOIN ms_message m ON m.number = d.message
JOIN ms_group g ON g.number = d.grp
WHERE g.space = ? AND g.topic = ? AND g.name = ifnull(?, g.name) AND d.number > ?
ORDER BY d.number LIMIT ?"""
# Whether something is ready, and when something will be.
_LOOK = """SELECT
EXISTS (SELECT 1 FROM ms_entry WHERE grp = ?1 AND state = 0 AND head = 1),
(SELECT min(until) FROM ms_entry WHERE grp = ?1 AND state > 0),
(SELECT min(due) FROM ms_scheduled WHERE space = ?2 AND topic = ?3)"""


class LocalMessaging:
    """A messaging driver over a :class:`Database`.

    Messages and their ids are kept for a day after they are published, and until every group
    has settled them.
    """

    def __init__(self, database: Database, space: str) -> None:
        self._database = database
        self._space = space
        self._published = 0

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> MessagingLimits:
        return _LIMITS

    async def publish(self, op: Publish, /) -> None:
        self._published += 1
        sweeps = self._published % _SWEEP_EVERY == 0

        def write(topic: TopicTables) -> None:
            if op.delay:
                topic.schedule(op.messages, self._now() + op.delay)
            else:
                topic.publish(op.messages)
            if sweeps:
                topic.sweep()

        await self._write(op.topic, write)

    async def subscribe(self, op: Subscribe, /) -> None:
        await self._write(op.topic, lambda topic: topic.subscribe(op.group))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        until = self._now() + op.wait
        while True:
            mark = self._database.mark()
            lent = await self._lend(op)
            while not lent:
                now = self._now()
                soon = await self._ready_at(op)
                if soon <= now:
                    break
                if now >= until:
                    return ()
                await self._database.changed(mark, min(until, soon) - now)
                mark = self._database.mark()
            if lent or self._now() >= until:
                return lent

    async def _lend(self, op: Receive) -> tuple[Delivery, ...]:
        token = secrets.token_hex(8)

        def write(topic: TopicTables) -> list[tuple[Any, ...]]:
            group = topic.known_group(op.group)
            topic.tick()
            return topic.lend(group, op.most, self._now() + op.lease, token)

        return tuple(
            Delivery(one, payload, key, json.loads(headers), published, attempt, receipt)
            for one, payload, key, headers, published, attempt, receipt in await self._write(
                op.topic, write
            )
        )

    async def _ready_at(self, op: Receive) -> float:
        """The moment from which lending may find something."""

        def read(db: sqlite3.Connection) -> float:
            group = self._tables(db, op.topic).group(op.group)
            ready, until, due = db.execute(_LOOK, (group, self._space, op.topic)).fetchone()
            if ready or group is None:
                return 0.0
            return min((moment for moment in (until, due) if moment is not None), default=1e18)

        return await self._database.read(read)

    async def ack(self, op: Ack, /) -> bool:
        return await self._write(op.topic, lambda topic: topic.ack(op.group, op.receipt))

    async def nack(self, op: Nack, /) -> bool:
        def write(topic: TopicTables) -> bool:
            found = topic.held(op.group, op.receipt)
            if found is not None:
                until = self._now() + op.delay if op.delay > 0 else None
                topic.put_back(found[1], until, counted=op.count)
            return found is not None

        return await self._write(op.topic, write)

    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        def write(db: sqlite3.Connection) -> tuple[str, ...]:
            topic = self._tables(db, op.topic)
            good: list[str] = []
            for receipt in op.receipts:
                found = topic.held(op.group, receipt)
                if found is not None:
                    until = self._now() + op.lease
                    db.execute(
                        "UPDATE ms_entry SET until = ? WHERE place = ?", (until, found[1][0])
                    )
                    good.append(receipt)
            return tuple(good)

        return await self._database.write(write)

    async def kill(self, op: Kill, /) -> bool:
        def write(topic: TopicTables) -> bool:
            found = topic.held(op.group, op.receipt)
            if found is not None:
                topic.bury(*found, op.reason)
            return found is not None

        return await self._write(op.topic, write)

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        where = (self._space, op.topic, op.group, int(op.cursor or 0), op.limit + 1)
        rows = await self._database.read(lambda db: db.execute(_DEAD, where).fetchall())
        page = rows[: op.limit]
        return DeadPage(
            tuple(map(_letter, page)), str(page[-1][9]) if len(rows) > op.limit else None
        )

    async def redrive(self, op: Redrive, /) -> int:
        def write(topic: TopicTables) -> int:
            return sum(topic.redrive(group, op.ids) for group in topic.groups(op.group))

        return await self._write(op.topic, write)

    async def cancel(self, op: Cancel, /) -> bool:
        def write(db: sqlite3.Connection) -> bool:
            where = (self._space, op.topic, op.id)
            gone = db.execute(
                "DELETE FROM ms_scheduled WHERE space = ? AND topic = ? AND id = ? AND due > ?",
                (*where, self._now()),
            )
            if gone.rowcount:
                db.execute("DELETE FROM ms_id WHERE space = ? AND topic = ? AND id = ?", where)
            return gone.rowcount > 0

        return await self._database.write(write)

    async def replay(self, op: Replay, /) -> int:
        def write(topic: TopicTables) -> int:
            topic.tick()
            topic.subscribe(op.group)
            return topic.replay(topic.known_group(op.group), op.since)

        return await self._write(op.topic, write)

    async def measure(self, op: Measure, /) -> Depth:
        def read(db: sqlite3.Connection) -> Depth:
            now = self._now()
            group = self._tables(db, op.topic).group(op.group)
            counts = db.execute(
                "SELECT count(*), sum(state = 1 AND until > ?), sum(state = 2 AND until > ?) "
                "FROM ms_entry WHERE grp = ?",
                (now, now, group),
            ).fetchone()
            total, lent, waiting = (int(count or 0) for count in counts)
            scheduled = db.execute(
                "SELECT count(*) FROM ms_scheduled WHERE space = ? AND topic = ? AND due > ?",
                (self._space, op.topic, now),
            ).fetchone()[0]
            dead = db.execute("SELECT count(*) FROM ms_dead WHERE grp = ?", (group,)).fetchone()[0]
            return Depth(total - lent - waiting, lent, waiting, scheduled, dead)

        return await self._database.read(read)

    async def aclose(self) -> None:
        """Nothing is held: the database belongs to who opened it."""

    def _now(self) -> float:
        return self._database.clock.wall()

    def _tables(self, db: sqlite3.Connection, topic: str) -> TopicTables:
        return TopicTables(db, self._space, topic, self._now(), _KEPT_SECONDS)

    async def _write(self, topic: str, piece: Callable[[TopicTables], T]) -> T:
        return await self._database.write(lambda db: piece(self._tables(db, topic)))


def _letter(row: tuple[Any, ...]) -> DeadRecord:
    message_id, payload, key, headers, published, group, reason, attempts, died, _ = row
    return DeadRecord(
        message_id,
        payload,
        key,
        json.loads(headers),
        published,
        group,
        reason,
        attempts,
        died,
    )


async def open_messaging(config: LocalConfig, opening: Opening) -> LocalMessaging:
    """A messaging driver of the configured folder."""
    database = await database_of(config, opening)
    await database.define(SCHEMA)
    return LocalMessaging(database, config.namespace_of(opening.service.name))
