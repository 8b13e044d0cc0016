"""A right messaging driver that mixes messages wherever no order is promised."""

from __future__ import annotations

import math
import secrets
from typing import Any, NoReturn

from correct.apart import Apart, Backend
from correct.common import correct
from correct.messaging_lanes import REMEMBERED, RETENTION, Dead, Group, Item, Topic
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
from omnicloud.core.clock import Clock
from omnicloud.core.operation import Feature
from omnicloud.errors import NotFoundError, UnsupportedError

_MOST_LENT, _MOST_LETTERS = 4, 3
_LONGEST_WAIT = 17.0
_GLANCE = 13.0  # seconds after which a waiting receive looks in vain


class _Broker(Backend):
    """The topics of one namespace."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.topics: dict[str, Topic] = {}


@correct("messaging")
class MixedMessaging(Apart):
    """Lends in any order but that of a key, four at most; stamps are whole milliseconds.

    Takes nothing back that is scheduled. What is old is forgotten when somebody asks.
    """

    backend_class = _Broker
    _backend: _Broker
    features: frozenset[Feature] = frozenset(MessagingFeature) - {
        MessagingFeature.DURABLE,
        MessagingFeature.CANCEL,
    }
    limits = MessagingLimits(
        name_max_bytes=1410,
        payload_max_bytes=4096,
        headers_max_bytes=2000,
        batch_max_items=4,
        retention_seconds=RETENTION,
        dedupe_seconds=REMEMBERED,
    )

    async def publish(self, op: Publish, /) -> None:
        topic = await self._come(op.topic)
        now, stamp = self._backend.now(), self._store.clock.wall()
        for message in op.messages:
            if op.dedupe and topic.knows(message.id, now):
                continue
            due = now + (op.delay or 0.0)
            topic.remember(message.id, max(due, now + REMEMBERED))
            if due > now:
                topic.schedule(message, due, stamp)
            else:
                topic.publish(message, now, stamp)
        self._backend.tell()
        await self.linger()

    async def subscribe(self, op: Subscribe, /) -> None:
        (await self._come(op.topic)).group(op.group)
        await self.linger()

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        until = self._backend.now() + min(op.wait, _LONGEST_WAIT)
        while True:
            topic = await self._come(op.topic)
            group = topic.groups.get(op.group)
            if group is None:
                raise NotFoundError("the topic has no such group", hint="subscribe it")
            now = self._backend.now()
            lent = group.lend(min(op.most, _MOST_LENT), now + op.lease, self._backend.chance)
            if lent or now >= until:
                # No await between the loan and the answer: whoever is cancelled holds nothing.
                return tuple(map(_delivery, lent))
            await self._backend.until(min(until, topic.next_moment(group), now + _GLANCE))

    async def ack(self, op: Ack, /) -> bool:
        _, group, item = await self._held(op)
        if item is not None:
            group.settle(item)
            self._backend.tell()
        return item is not None

    async def nack(self, op: Nack, /) -> bool:
        _, _, item = await self._held(op)
        if item is not None:
            item.attempt -= not op.count
            item.come_back()
            if op.delay > 0:
                item.until = self._backend.now() + op.delay
            self._backend.tell()
        return item is not None

    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        topic = await self._come(op.topic)
        group = topic.groups.get(op.group)
        if group is None:
            return ()
        found = {one: item for one in op.receipts if (item := group.lent(one)) is not None}
        for item in found.values():
            item.until = self._backend.now() + op.lease
        self._backend.tell()
        return tuple(sorted(found))

    async def kill(self, op: Kill, /) -> bool:
        topic, group, item = await self._held(op)
        if item is not None:
            topic.die(group, item, op.reason, self._store.clock.wall())
            self._backend.tell()
        return item is not None

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        after = 0 if op.cursor is None else _number(op.cursor)
        topic = await self._come(op.topic)
        most = max(1, min(op.limit, _MOST_LETTERS))
        page = [one for one in topic.letters(op.group) if one.number > after][:most]
        await self.linger()
        cursor = _cursor(page[-1].number) if len(page) == most else None
        return DeadPage(tuple(map(_record, page)), cursor)

    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._come(op.topic)
        letters = topic.letters(op.group)
        chosen = [one for one in letters if not op.ids or one.letter.message.id in op.ids]
        for one in chosen:
            topic.redrive(one)
        self._backend.tell()
        await self.linger()
        return len(chosen)

    async def cancel(self, op: Cancel, /) -> NoReturn:
        raise UnsupportedError("this driver takes no scheduled message back")

    async def replay(self, op: Replay, /) -> int:
        topic = await self._come(op.topic)
        group = topic.group(op.group)
        retained = [one for one in topic.retained() if one.stamp >= op.since]
        again = [one for one in retained if not group.has(one)]
        for letter in again:
            group.add(letter)
        self._backend.tell()
        await self.linger()
        return len(again)

    async def measure(self, op: Measure, /) -> Depth:
        topic = await self._come(op.topic)
        group = topic.groups.get(op.group)
        await self.linger()
        if group is None:
            return Depth(0, 0, 0, len(topic.scheduled), 0)
        return Depth(*group.counts(), len(topic.scheduled), len(group.dead))

    async def _come(self, name: str) -> Topic:
        """The topic as it stands now; no await follows in here."""
        await self.arrive()
        topic = self._backend.topics.setdefault(name, Topic())
        topic.tick(self._backend.now())
        return topic

    async def _held(self, op: Any) -> tuple[Topic, Group, Item | None]:
        """What a receipt is good for."""
        topic = await self._come(op.topic)
        group = topic.groups.get(op.group) or Group(op.group)
        return topic, group, group.lent(op.receipt)


def _milliseconds(stamp: float) -> float:
    return math.floor(stamp * 1000) / 1000


def _delivery(item: Item) -> Delivery:
    message, stamp = item.letter.message, _milliseconds(item.letter.stamp)
    told = (message.id, bytes(message.payload), message.key, dict(message.headers), stamp)
    return Delivery(*told, item.attempt, item.receipt or "")


def _record(dead: Dead) -> DeadRecord:
    message, stamp = dead.letter.message, _milliseconds(dead.letter.stamp)
    told = (message.id, bytes(message.payload), message.key, dict(message.headers), stamp)
    return DeadRecord(*told, dead.group, dead.reason, dead.attempts, _milliseconds(dead.stamp))


def _cursor(number: int) -> str:
    return f"¶{number * 7 + 3:x}?/{secrets.token_hex(3)}"


def _number(cursor: str) -> int:
    return (int(cursor[1:].partition("?")[0], 16) - 3) // 7
