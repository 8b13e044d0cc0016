"""messaging drivers that deliver and settle wrongly."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from dataclasses import replace
from typing import Any

from broken.messaging_base import Redelivering, messaging
from omnicloud.contracts.messaging.driver import (
    Ack,
    DeadLetters,
    Extend,
    Kill,
    Measure,
    Nack,
    Publish,
    Receive,
    Subscribe,
)
from omnicloud.contracts.messaging.models import (
    DeadPage,
    Delivery,
    Depth,
)
from omnicloud.memory.messaging import MemoryMessaging


@messaging("CO01", "T0", "nothing is ever delivered")
class DeliversNothing(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        await asyncio.sleep(max(op.wait, 0.01))
        return ()


@messaging("CO02", "T0", "acknowledged messages come again")
class AckDoesNothing(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        return await super().nack(Nack(op.topic, op.group, op.receipt))


@messaging("CO03", "T0", "RETRY acknowledges")
class RetryAcknowledges(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        return await super().ack(Ack(op.topic, op.group, op.receipt))


@messaging("CO04", "T1", "a message that would be a dead letter is dropped")
class DropsTheDead(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        return await super().ack(Ack(op.topic, op.group, op.receipt))


@messaging("CO06", "T1", "dead letters lose their headers")
class DeadWithoutHeaders(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        return replace(page, letters=tuple(replace(one, headers={}) for one in page.letters))


@messaging("CO07", "T1", "dead letters lose their key")
class DeadWithoutKey(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        return replace(page, letters=tuple(replace(one, key=None) for one in page.letters))


@messaging("CO08", "T1", "a key of None arrives as text")
class NoneAsText(Redelivering):
    def rewritten(self, one: Delivery) -> Delivery:
        return replace(one, key=str(one.key))


@messaging("CO09", "T1", "the attempt is always 1, so retries never end")
class AlwaysFirst(Redelivering):
    def rewritten(self, one: Delivery) -> Delivery:
        return replace(one, attempt=1)


@messaging("CO10", "T1", "FAIL is tried again before it is a dead letter")
class FailRetries(MemoryMessaging):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._failed: dict[str, int] = defaultdict(int)

    async def kill(self, op: Kill, /) -> bool:
        number = op.receipt.partition("-")[0]
        self._failed[number] += 1
        if self._failed[number] < 3:
            return await super().nack(Nack(op.topic, op.group, op.receipt))
        return await super().kill(op)


@messaging("CO12", "T2", "RETRY puts a message behind the later ones of its key")
class RetryToTheTail(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None or not op.count:
            return await super().nack(op)
        topic = self._store.rows(self._table)[op.topic]
        group.remove(entry)
        moved = replace(entry.stored, number=topic.number())
        group.add(moved)
        group.entries[moved.number].attempt = entry.attempt
        self._store.tell()
        return True


@messaging("CO14", "T2", "each message is delivered twice without a failure")
class DeliveredTwice(MemoryMessaging):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._once: set[str] = set()

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        again = [one for one in found if one.id not in self._once]
        self._once.update(one.id for one in found)
        return (*found, *again)[: max(op.most, len(found))] if op.most > 1 else found


@messaging("CO15", "T2", "a second delivery and the dead letter have other headers than the first")
class SecondHeaders(Redelivering):
    def rewritten(self, one: Delivery) -> Delivery:
        return replace(one, headers={"retried": "yes"}) if one.attempt > 1 else one


@messaging("CO16", "T2", "consumers of one group all get every message")
class Broadcast(MemoryMessaging):
    _numbers = itertools.count()

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._me = f"-{next(self._numbers)}"

    async def subscribe(self, op: Subscribe, /) -> None:
        await super().subscribe(replace(op, group=op.group + self._me))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        await self.subscribe(Subscribe(op.topic, op.group))
        return await super().receive(replace(op, group=op.group + self._me))

    async def ack(self, op: Ack, /) -> bool:
        return await super().ack(replace(op, group=op.group + self._me))

    async def nack(self, op: Nack, /) -> bool:
        return await super().nack(replace(op, group=op.group + self._me))


@messaging("CO17", "T3", "what failed is acknowledged when its handler raised")
class RaisedIsDone(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        if op.delay > 0:
            return await super().ack(Ack(op.topic, op.group, op.receipt))
        return await super().nack(op)


@messaging("CO18", "T3", "after a failed message nothing more is delivered")
class DiesOfFailure(MemoryMessaging):
    _dead = False

    async def nack(self, op: Nack, /) -> bool:
        self._dead = self._dead or op.count
        return await super().nack(op)

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        if self._dead:
            await asyncio.sleep(max(op.wait, 0.01))
            return ()
        return await super().receive(op)


@messaging("CO19", "T3", "a message is acknowledged when it is received")
class AutoAck(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        for one in found:
            await super().ack(Ack(op.topic, op.group, one.receipt))
        return found

    async def ack(self, op: Ack, /) -> bool:
        return True


@messaging("CO20", "T3", "the consumer stops after 100 messages")
class StopsAtHundred(MemoryMessaging):
    _count = 0

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        if self._count >= 100:
            await asyncio.sleep(max(op.wait, 0.01))
            return ()
        found = await super().receive(op)
        self._count += len(found)
        return found


@messaging("CO22", "T3", "the whole topic is pulled into the client")
class Hoards(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(replace(op, most=1_000_000))


@messaging("CO23", "T3", "a cancelled receive goes on")
class CannotBeCancelled(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        obeys = self._now() + 15.0  # or the trial itself would never end
        while True:
            try:
                return await super().receive(op)
            except asyncio.CancelledError:
                if self._now() >= obeys:
                    raise


@messaging("CO24", "T3", "a lease never ends: what a dead consumer held is lost")
class LeaseForEver(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(replace(op, lease=1e9))


@messaging("CO25", "T3", "leases are never extended")
class NoExtension(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        await self._topic(op.topic)
        return op.receipts


@messaging("CO26", "T3", "an old receipt settles the new delivery")
class AnyReceipt(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        number = int(op.receipt.partition("-")[0])
        group = (await self._topic(op.topic)).groups[op.group]
        entry = group.entries.get(number)
        if entry is None:
            return False
        group.remove(entry)
        return True


@messaging("CO27", "T1", "a refused receipt is answered with yes")
class YesToAll(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        await super().ack(op)
        return True


@messaging("CO28", "T1", "the delay of a retry is ignored")
class RetryAtOnce(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        return await super().nack(replace(op, delay=0.0))


@messaging("CO29", "T1", "what is given back counts as an attempt")
class AlwaysCounts(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        return await super().nack(replace(op, count=True))


@messaging("CO30", "T2", "a waiting receiver is not woken")
class NotWoken(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(replace(op, wait=0.0))
        if not found and op.wait:
            await asyncio.sleep(op.wait)
            found = await super().receive(replace(op, wait=0.0))
        return found


@messaging("CO31", "T2", "a receiver waits for ever")
class WaitsForEver(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(replace(op, wait=1e6))


@messaging("CO32", "T3", "messages that a cancelled receiver was about to get are lost")
class CancelledTakes(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        try:
            return await super().receive(op)
        except asyncio.CancelledError:
            task = asyncio.ensure_future(super().receive(replace(op, lease=1e6, wait=5.0)))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise


@messaging("CO33", "T2", "order per key holds only while nothing fails")
class NoLanes(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        keyless = tuple(
            replace(one, key=None, headers={**one.headers, "\0k": one.key}) if one.key else one
            for one in op.messages
        )
        await super().publish(replace(op, messages=keyless))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return tuple(self._named(one) for one in await super().receive(op))

    @staticmethod
    def _named(one: Delivery) -> Delivery:
        headers = dict(one.headers)
        key = headers.pop("\0k", None)
        return replace(one, key=key, headers=headers)


@messaging("CO34", "T1", "depth counts nothing")
class NoDepth(MemoryMessaging):
    async def measure(self, op: Measure, /) -> Depth:
        await self._topic(op.topic)
        return Depth(0, 0, 0, 0, 0)


@messaging("CO35", "T3", "a group forgets what it had when it subscribes again")
class SubscribeResets(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        topic = await self._topic(op.topic)
        topic.groups.pop(op.group, None)
        topic._log.clear()
        topic.subscribe(op.group)
