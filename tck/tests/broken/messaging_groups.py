"""messaging drivers that are wrong about groups, dead letters and crashes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.messaging_base import Durable, messaging
from omnicloud.contracts.messaging.driver import (
    Ack,
    DeadLetters,
    Extend,
    Kill,
    Nack,
    Publish,
    Receive,
    Redrive,
    Replay,
    Subscribe,
)
from omnicloud.contracts.messaging.models import (
    DeadPage,
    Delivery,
    Outgoing,
)
from omnicloud.memory.messaging import MemoryMessaging


@messaging("XMS01", "T2", "a group gets only what is published while it receives")
class OnlyWhileListening(MemoryMessaging):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._table = ("messaging", "listening", *args[1:])

    async def publish(self, op: Publish, /) -> None:
        listening = self._store.rows("listening")
        await self._topic(op.topic)
        if listening.get(op.topic, 0):
            await super().publish(op)

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        listening = self._store.rows("listening")
        listening[op.topic] = listening.get(op.topic, 0) + 1
        try:
            return await super().receive(op)
        finally:
            listening[op.topic] -= 1


@messaging("XMS02", "T2", "a second group gets nothing: groups share")
class GroupsShare(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        await super().subscribe(replace(op, group="all"))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(replace(op, group="all"))

    async def ack(self, op: Ack, /) -> bool:
        return await super().ack(replace(op, group="all"))


@messaging("XMS03", "T1", "a new group gets nothing of what is retained")
class NewGroupsStartEmpty(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        topic = await self._topic(op.topic)
        if op.group not in topic.groups:
            topic.subscribe(op.group)
            for entry in list(topic.groups[op.group].entries.values()):
                topic.groups[op.group].remove(entry)


@messaging("XMS04", "T2", "a slow key blocks every other")
class HeadOfLine(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group)
        if group is not None and group.counts()[1]:
            await asyncio.sleep(min(op.wait, 0.05))
            return ()
        return await super().receive(replace(op, most=1))


@messaging("XMS05", "T3", "what is given back at shutdown becomes a dead letter")
class ShutdownKills(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        if not op.count:
            return await super().kill(Kill(op.topic, op.group, op.receipt, "shutdown"))
        return await super().nack(op)


@messaging("XMS08", "T3", "after an outage a consumer gets nothing and hears no error")
class DeafAfterOutage(MemoryMessaging):
    _deaf = False

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        if self._deaf or self._store.down:
            self._deaf = True
            await asyncio.sleep(max(op.wait, 0.01))
            return ()
        waiting = asyncio.ensure_future(super().receive(op))
        try:
            while not waiting.done():
                await asyncio.wait({waiting}, timeout=0.1)
                self._deaf = self._deaf or self._store.down
                if self._deaf:
                    return await self.receive(op)
            return waiting.result()
        finally:
            waiting.cancel()


@messaging("XMS09", "T3", "the offset is committed before the handler has succeeded")
class CommitsEarly(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        for receipt in op.receipts:
            await super().ack(Ack(op.topic, op.group, receipt))
        return op.receipts

    async def nack(self, op: Nack, /) -> bool:
        await self._topic(op.topic)
        return False


@messaging("XMS12", "T1", "a dead letter has no reason and no attempts")
class DeadWithoutReason(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        bare = tuple(replace(one, reason="", attempts=0) for one in page.letters)
        return replace(page, letters=bare)


@messaging("XMS13", "T1", "a dead letter does not know its group")
class DeadWithoutGroup(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(replace(op, group=None))
        return replace(page, letters=tuple(replace(one, group="") for one in page.letters))


@messaging("XMS14", "T2", "a batch is flushed only when it is full")
class FlushedWhenFull(MemoryMessaging):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._buffer: list[Outgoing] = []

    async def publish(self, op: Publish, /) -> None:
        self._buffer += op.messages
        while len(self._buffer) >= 10:
            batch, self._buffer = tuple(self._buffer[:10]), self._buffer[10:]
            await super().publish(replace(op, messages=batch))


@messaging("XMS15", "T1", "only the first 100 dead letters are listed")
class FirstHundredDead(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        return replace(await super().dead_letters(op), cursor=None)


@messaging("XMS16", "T2", "redriving leaves the dead letters where they are")
class RedriveCopies(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        letters = topic.dead(op.group)
        count = await super().redrive(op)
        for letter in letters:
            topic.groups[letter.group].dead[letter.number] = letter
        return count


@messaging("XMS17", "T2", "redriven messages go to every group")
class RedrivePublishes(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        letters = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        for letter in letters:
            del topic.groups[letter.group].dead[letter.number]
            stored = letter.stored
            again = Outgoing(stored.id, stored.payload, stored.key, stored.headers)
            topic.publish(again, self._now(), 0.0)
        self._store.tell()
        return len(letters)


@messaging("XMS18", "T3", "acknowledged messages are written later, and lost in a crash")
class WritesLater(Durable):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._unwritten: list[Publish] = []

    async def publish(self, op: Publish, /) -> None:
        await self._topic(op.topic)
        self._unwritten.append(op)
        asyncio.get_running_loop().call_later(0.05, self._write)

    def _write(self) -> None:
        ops, self._unwritten = self._unwritten, []
        if self._store.rows("epoch").setdefault(id(self), True):
            for op in ops:
                task = asyncio.ensure_future(super().publish(op))
                task.add_done_callback(lambda done: done.cancelled() or done.exception())


@messaging("XMS19", "T3", "what was lent when the broker died stays lent for ever")
class LentForEver(Durable):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        lease = op.lease if op.lease > 2 else 1e9
        return await super().receive(replace(op, lease=lease))


@messaging("XMS20", "T2", "a known id is delivered again from another client")
class DedupesPerClient(MemoryMessaging):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._mine: set[tuple[str, str]] = set()

    async def publish(self, op: Publish, /) -> None:
        topic = await self._topic(op.topic)
        for one in op.messages:
            if (op.topic, one.id) not in self._mine:
                topic._ids.pop(one.id, None)
            self._mine.add((op.topic, one.id))
        await super().publish(op)


@messaging("XMS21", "T1", "replay ignores since")
class ReplaysAll(MemoryMessaging):
    async def replay(self, op: Replay, /) -> int:
        return await super().replay(replace(op, since=0.0))


@messaging("XMS22", "T1", "replay does nothing")
class ReplaysNothing(MemoryMessaging):
    async def replay(self, op: Replay, /) -> int:
        await self._topic(op.topic)
        return 0


@messaging("XMS23", "T2", "handing out skips messages under a load of many clients")
class SkipsUnderLoad(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        if len(found) >= 3:
            await super().ack(Ack(op.topic, op.group, found[1].receipt))
            return found[:1] + found[2:]
        return found
