"""Messaging drivers that are wrong in one verb."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import (
    DeadLetters,
    Extend,
    Kill,
    Measure,
    Publish,
    Receive,
    Redrive,
    Replay,
)
from omnicloud.contracts.messaging.models import DeadPage, Delivery, Depth
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud_tck.messaging import MessagingContract


def _in(prefix: str, contract: Any) -> Any:
    return lambda number, tier, summary: broken(f"VERB-{prefix}-{number}", tier, summary, contract)


messaging = _in("MS", MessagingContract)


@messaging("02", "T1", "messages of a batch lose their headers")
class BatchBare(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if len(op.messages) > 1:
            op = replace(op, messages=tuple(replace(m, headers={}) for m in op.messages))
        await super().publish(op)


@messaging("03", "T1", "the payload of a delayed message is stripped")
class DelayedStripped(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if op.delay:
            cut = tuple(replace(m, payload=m.payload.strip()) for m in op.messages)
            op = replace(op, messages=cut)
        await super().publish(op)


@messaging("04", "T1", "a redriven message has lost its headers")
class RedriveBare(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        for group in topic.groups.values():
            for number, dead in list(group.dead.items()):
                group.dead[number] = replace(dead, stored=replace(dead.stored, headers={}))
        return await super().redrive(op)


@messaging("05", "T1", "redriving by ids redrives everything")
class RedriveAll(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        return await super().redrive(replace(op, ids=()))


@messaging("06", "T1", "a dead letter tells when it was published as when it died")
class DiedWhenPublished(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        letters = tuple(replace(one, died_at=one.published_at) for one in page.letters)
        return DeadPage(letters, page.cursor)


@messaging("07", "T1", "the moment of publishing is that of the delivery")
class PublishedNow(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        now = self._store.clock.wall()
        return tuple(replace(d, published_at=now) for d in await super().receive(op))


@messaging("08", "T1", "an extension answers receipts that are no longer good")
class ExtendsAll(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        await super().extend(op)
        return op.receipts


@messaging("09", "T1", "depth counts messages between two attempts as ready")
class WaitingIsReady(MemoryMessaging):
    async def measure(self, op: Measure, /) -> Depth:
        d = await super().measure(op)
        return replace(d, ready=d.ready + d.waiting, waiting=0)


@messaging("10", "T1", "depth forgets what is scheduled")
class NoScheduled(MemoryMessaging):
    async def measure(self, op: Measure, /) -> Depth:
        return replace(await super().measure(op), scheduled=0)


@messaging("12", "T1", "replay counts, and brings back, what is before the group anyway")
class ReplayCounts(MemoryMessaging):
    async def replay(self, op: Replay, /) -> int:
        topic = await self._topic(op.topic)
        waiting = len(topic.groups[op.group].entries) if op.group in topic.groups else 0
        return await super().replay(op) + waiting


@messaging("13", "T1", "the reason of a dead letter is cut to 20 characters")
class ReasonCut(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        return await super().kill(replace(op, reason=op.reason[:20]))


@messaging("15", "T1", "receive lends one more than was asked")
class OneMore(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(replace(op, most=op.most + 1))
