"""Brokers that are wrong where options, times, groups and clients meet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import (
    Ack,
    Cancel,
    Extend,
    Kill,
    Measure,
    Nack,
    Publish,
    Receive,
    Redrive,
    Subscribe,
)
from omnicloud.contracts.messaging.models import Delivery, Depth
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud_tck.messaging import MessagingContract

_DAY = 86_400.0


def messaging(number: str, tier: str, summary: str) -> Any:
    return broken(f"PRG-MS-{number}", tier, summary, MessagingContract)


@messaging("01", "T3", "what is given back for later waits a minute at the most")
class AMinute(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        return await super().nack(replace(op, delay=min(op.delay, 60.0)))


@messaging("02", "T3", "a delivery is lent for a day at the most")
class ADay(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(replace(op, lease=min(op.lease, _DAY)))


@messaging("03", "T1", "of the ids to redrive the first counts")
class RedrivesTheFirst(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        return await super().redrive(replace(op, ids=op.ids[:1]))


@messaging("04", "T1", "ids to redrive are looked for in every group")
class RedrivesEverywhere(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        return await super().redrive(replace(op, group=None) if op.ids else op)


@messaging("05", "T1", "of several leases the first is prolonged, and all are told to be")
class ExtendsTheFirst(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        good = await super().extend(replace(op, lease=600_000.0))
        if good:
            await super().extend(replace(op, receipts=good[:1]))
        return good


@messaging("06", "T2", "cancelling looks in every topic")
class CancelsElsewhere(MemoryMessaging):
    async def cancel(self, op: Cancel, /) -> bool:
        if await super().cancel(op):
            return True
        topics = self._store.rows(self._table).values()
        return True in [topic.cancel(op.id) for topic in topics]


@messaging("07", "T2", "subscribing again gives back what the group has out")
class SubscribesAnew(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        await super().subscribe(op)
        group = (await self._topic(op.topic)).groups[op.group]
        for entry in list(group.entries.values()):
            if entry.receipt:
                group.put_back(entry, None, counted=True)


@messaging("08", "T1", "what is lent is ready, as far as is measured")
class MeasuresLent(MemoryMessaging):
    async def measure(self, op: Measure, /) -> Depth:
        depth = await super().measure(op)
        more = depth.in_flight if depth.waiting else 0
        return replace(depth, ready=depth.ready + more, in_flight=depth.in_flight - more)


@messaging("09", "T3", "an id of a message with a delay is known only without one")
class DelaysForget(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if op.delay and op.dedupe:
            topic = await self._topic(op.topic)
            for message in op.messages:
                topic._ids.pop(message.id, None)
        await super().publish(op)


@messaging("10", "T2", "a kill looks, awaits, and settles")
class KillsInTwo(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        _, entry = await self._held(op.topic, op.group, op.receipt)
        await asyncio.sleep(0)
        await super().kill(op)
        return entry is not None


@messaging("11", "T2", "an ack looks, awaits, and settles")
class AcksInTwo(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        _, entry = await self._held(op.topic, op.group, op.receipt)
        await asyncio.sleep(0)
        await super().ack(op)
        return entry is not None


@messaging("12", "T2", "a redrive, cancelled half-way, has given back some")
class RedrivesByGroups(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        if op.group is not None:
            return await super().redrive(op)
        found = 0
        for group in list((await self._topic(op.topic)).groups):
            found += await super().redrive(replace(op, group=group))
            await asyncio.sleep(0)
        return found


@messaging("13", "T1", "reasons of deaths are cut at 100 characters")
class ShortReasons(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        return await super().kill(replace(op, reason=op.reason[:100]))


@messaging("14", "T1", "an uncounted giving back for later is counted where the key is another's")
class CountsKeyless(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        _, entry = await self._held(op.topic, op.group, op.receipt)
        keyless = entry is not None and entry.stored.key is None
        return await super().nack(replace(op, count=op.count or (keyless and op.delay > 0)))
