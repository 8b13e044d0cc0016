"""The messaging contract on a server: topics as tables, consumers woken by NOTIFY."""

from __future__ import annotations

import json
import secrets

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
from omnicloud.contracts.messaging.joining import Joining
from omnicloud.contracts.messaging.models import (
    DeadPage,
    DeadRecord,
    Delivery,
    Depth,
    MessagingFeature,
    MessagingLimits,
    Outgoing,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import NotFoundError, Outcome, UnavailableError
from omnicloud_postgres import messaging_sql as sql
from omnicloud_postgres.config import PostgresConfig
from omnicloud_postgres.messaging_tables import SCHEMA
from omnicloud_postgres.pool import Row
from omnicloud_postgres.signals import bell_of
from omnicloud_postgres.store import Store, store_of
from omnicloud_postgres.sweeping import Sweeping

__all__ = ["FEATURES", "PostgresMessaging", "open_messaging"]

FEATURES: frozenset[Feature] = frozenset(MessagingFeature)

_SWEEP_EVERY = 512  # messages
_SHARE_OF_A_TOPIC = 4  # it publishes by every fourth connection at once, further calls together

_Place = tuple[str, bytes, int]


class PostgresMessaging:
    """A messaging driver over a :class:`Store`."""

    def __init__(self, store: Store, space: str, features: frozenset[Feature]) -> None:
        self._store = store
        self._space = space
        self._features = features
        self._kept = store.config.retention_seconds
        self._sweeping = Sweeping(store, _SWEEP_EVERY)
        most = max(1, store.config.max_connections // _SHARE_OF_A_TOPIC)
        self._joining = Joining(self._publish, most)
        self._limits = MessagingLimits(
            name_max_bytes=1500,
            payload_max_bytes=16 << 20,
            retention_seconds=self._kept,
            dedupe_seconds=self._kept,
        )

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> MessagingLimits:
        return self._limits

    async def publish(self, op: Publish, /) -> None:
        await self._joining.publish(op)

    async def _publish(self, op: Publish) -> None:
        await self._sweeping.before_writing(len(op.messages), *((one,) for one in sql.SWEEP))
        place, delay = self._place(op.topic), op.delay or None
        asked = (*_columns(op.messages), delay, self._kept, op.dedupe)
        until = self._store.clock.monotonic() + self._store.config.answer_timeout
        while True:
            ((taken,),) = await self._store.rows(sql.PUBLISH, *place, *asked)
            if taken:
                return
            if self._store.clock.monotonic() >= until:
                raise UnavailableError(
                    "what was due before could not all be published in time",
                    hint="try again: the rest is less",
                    outcome=Outcome.NOT_DONE,
                )
            await self._tick(place)

    async def subscribe(self, op: Subscribe, /) -> None:
        await self._store.at_length(sql.SUBSCRIBE, *self._place(op.topic), op.group.encode())

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        signals, clock = self._store.signals, self._store.clock
        place = self._place(op.topic)
        until, bell = clock.monotonic() + op.wait, place[2]
        while True:
            mark = signals.mark(bell)
            lent = await self._lent(op)
            if lent or clock.monotonic() >= until:
                return lent
            soon = await self._next(place, op.group)
            await signals.rung(bell, mark, min(until - clock.monotonic(), soon))

    async def ack(self, op: Ack, /) -> bool:
        return await self._settled(op, None)

    async def kill(self, op: Kill, /) -> bool:
        return await self._settled(op, op.reason.encode())

    async def nack(self, op: Nack, /) -> bool:
        place = (*self._place(op.topic), op.group.encode())
        asked = (_number(op.receipt), op.receipt, op.delay, op.count)
        return bool(await self._store.rows(sql.NACK, *place, *asked))

    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        place = (*self._place(op.topic), op.group.encode())
        numbers = [_number(receipt) for receipt in op.receipts]
        rows = await self._store.rows(sql.EXTEND, *place, numbers, list(op.receipts), op.lease)
        good = {row[0] for row in rows}
        return tuple(receipt for receipt in op.receipts if receipt in good)

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        group = None if op.group is None else op.group.encode()
        where = (self._space, op.topic.encode(), group, int(op.cursor or 0), op.limit + 1)
        rows = await self._store.rows(sql.DEAD, *where)
        page = rows[: op.limit]
        return DeadPage(
            tuple(map(_letter, page)), str(page[-1][9]) if len(rows) > op.limit else None
        )

    async def redrive(self, op: Redrive, /) -> int:
        group = None if op.group is None else op.group.encode()
        ids = [one.encode() for one in op.ids]
        ((moved,),) = await self._store.at_length(sql.REDRIVE, *self._place(op.topic), group, ids)
        return int(moved)

    async def cancel(self, op: Cancel, /) -> bool:
        where = (self._space, op.topic.encode(), op.id.encode())
        return bool(await self._store.rows(sql.CANCEL, *where))

    async def replay(self, op: Replay, /) -> int:
        place = self._place(op.topic)
        await self._tick(place)
        rows = await self._store.at_length(sql.REPLAY, *place, op.group.encode(), op.since)
        return int(rows[0][0])

    async def measure(self, op: Measure, /) -> Depth:
        rows = await self._store.rows(sql.MEASURE, *self._place(op.topic), op.group.encode())
        total, lent, waiting, scheduled, dead = rows[0]
        return Depth(total - lent - waiting, lent, waiting, scheduled, dead)

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    def _place(self, topic: str) -> _Place:
        return self._space, topic.encode(), bell_of("messaging", self._space, topic)

    async def _tick(self, place: _Place) -> None:
        """Publish the first of what was scheduled and is due."""
        await self._store.rows(sql.TICK, *place, self._kept)

    async def _lent(self, op: Receive) -> tuple[Delivery, ...]:
        asked = (op.group.encode(), op.most, op.lease, secrets.token_hex(8), self._kept)
        rows = await self._store.rows(sql.LEND, *self._place(op.topic), *asked)
        if rows and rows[0][0] is None:
            raise NotFoundError("the topic has no such group", hint="subscribe it")
        return tuple(map(_delivery, rows))

    async def _next(self, place: _Place, group: str) -> float:
        """Seconds until something may be lent that cannot be now."""
        ((left,),) = await self._store.rows(sql.NEXT, *place, group.encode())
        return float("inf") if left is None else max(0.0, left) + 0.001

    async def _settled(self, op: Ack | Kill, reason: bytes | None) -> bool:
        place = (*self._place(op.topic), op.group.encode())
        asked = (_number(op.receipt), op.receipt, reason)
        ((done,),) = await self._store.rows(sql.SETTLE, *place, *asked)
        return bool(done)


async def open_messaging(config: PostgresConfig, opening: Opening) -> PostgresMessaging:
    """A messaging driver on the configured database."""
    store = await store_of(config, opening)
    await store.define(SCHEMA)
    durable = (await store.facts()).durable
    features = FEATURES if durable else FEATURES - {MessagingFeature.DURABLE}
    return PostgresMessaging(store, config.space_of(opening.service.name), features)


def _columns(
    messages: tuple[Outgoing, ...],
) -> tuple[list[bytes], list[int], list[bytes | None], list[bytes], list[bytes]]:
    """Ids, their places in the order of ids, keys, headers and payloads."""
    ids = [one.id.encode() for one in messages]
    return (
        ids,
        sorted(range(1, len(ids) + 1), key=lambda place: ids[place - 1]),
        [None if one.key is None else one.key.encode() for one in messages],
        [json.dumps(dict(one.headers)).encode() if one.headers else b"" for one in messages],
        [one.payload for one in messages],
    )


def _number(receipt: str) -> int:
    """The message that a receipt is for; 0, which is none, where it is no receipt of ours."""
    digits = receipt.rpartition("-")[2]
    known = digits.isascii() and digits.isdigit() and len(digits) < 19
    return int(digits) if known else 0


def _headers(stored: bytes) -> dict[str, str]:
    headers: dict[str, str] = json.loads(stored) if stored else {}
    return headers


def _delivery(row: Row) -> Delivery:
    message_id, payload, key, headers, published, attempt, receipt = row
    return Delivery(
        message_id.decode(),
        payload,
        None if key is None else key.decode(),
        _headers(headers),
        published,
        attempt,
        receipt,
    )


def _letter(row: Row) -> DeadRecord:
    message_id, payload, key, headers, published, group, reason, attempts, died, _ = row
    return DeadRecord(
        message_id.decode(),
        payload,
        None if key is None else key.decode(),
        _headers(headers),
        published,
        group.decode(),
        reason.decode(),
        attempts,
        died,
    )
