"""messaging drivers, wrong in ways that no law was written for: receipts, groups and outages."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import (
    Ack,
    DeadLetters,
    Kill,
    Measure,
    Publish,
    Receive,
    Redrive,
)
from omnicloud.contracts.messaging.models import DeadPage, Delivery, Depth
from omnicloud.errors import UnavailableError
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud_tck.messaging import MessagingContract


def messaging(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, MessagingContract)


@messaging("U-MS-20", "T2", "a receipt is good after its lease until another consumer has it")
class AckAfterLease(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        if await super().ack(op):
            return True
        group = (await self._topic(op.topic)).groups.get(op.group)
        number = op.receipt.partition("-")[0]
        entry = group.entries.get(int(number)) if group and number.isdigit() else None
        if group is None or entry is None or entry.receipt:
            return False
        group.remove(entry)
        return True


@messaging("U-MS-21", "T2", "receivers that wait at the same time are given the same message")
class SameToAll(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        table = self._store.rows(("unseen", "waiters", op.topic, op.group))
        mine = object()
        table[mine] = None
        try:
            found = await super().receive(op)
            if found and op.wait:
                for other in table:
                    if other is not mine and table[other] is None:
                        table[other] = found
            return found or table[mine] or ()
        finally:
            del table[mine]


@messaging("U-MS-22", "T2", "messages without a key wait for each other")
class KeylessLane(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        keyed = tuple(replace(one, key=one.key or "\x00none") for one in op.messages)
        await super().publish(replace(op, messages=keyed))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        return tuple(replace(one, key=None) if one.key == "\x00none" else one for one in found)

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        letters = tuple(
            replace(one, key=None) if one.key == "\x00none" else one for one in page.letters
        )
        return replace(page, letters=letters)


@messaging("U-MS-23", "T2", "a key that is lent in one group is lent in no other")
class KeyAcrossGroups(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        topic = await self._topic(op.topic)
        taken = {
            entry.stored.key
            for name, group in topic.groups.items()
            if name != op.group
            for entry in group.entries.values()
            if entry.receipt and entry.stored.key is not None
        }
        kept = []
        for one in found:
            if one.key in taken:
                group = topic.groups[op.group]
                entry = group.held(one.receipt)
                if entry is not None:
                    group.put_back(entry, None, counted=False)
            else:
                kept.append(one)
        if not kept:
            await self._store.clock.sleep(min(op.wait, 0.05))
        return tuple(kept)


@messaging("U-MS-24", "T1", "a redriven message goes on counting its attempts")
class RedriveCounts(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        chosen = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        for letter in chosen:
            queue = topic.groups[letter.group]
            before = set(queue.entries)
            topic.redrive([letter])
            for number in set(queue.entries) - before:
                queue.entries[number].attempt = letter.attempts
        self._store.tell()
        return len(chosen)


@messaging("U-MS-25", "T1", "redrive by ids forgets the group")
class RedriveAllGroups(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        return await super().redrive(replace(op, group=None) if op.ids else op)


@messaging("U-MS-26", "T1", "redrive puts messages before what waits")
class RedriveFirst(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        chosen = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        for letter in chosen:
            queue = topic.groups[letter.group]
            del queue.dead[letter.number]
            queue.add(letter.stored)
        self._store.tell()
        return len(chosen)


@messaging("U-MS-27", "T1", "replay leaves out what was published exactly at that moment")
class ReplayAfter(MemoryMessaging):
    async def replay(self, op: Any, /) -> int:
        return await super().replay(replace(op, since=op.since + 1e-6))


@messaging("U-MS-28", "T1", "replay starts waiting messages again at attempt 1")
class ReplayResets(MemoryMessaging):
    async def replay(self, op: Any, /) -> int:
        count = await super().replay(op)
        group = (await self._topic(op.topic)).groups[op.group]
        for entry in group.entries.values():
            if entry.state.name != "LENT":
                entry.attempt = 0
        return count


@messaging("U-MS-29", "T3", "an id is forgotten once its message is acknowledged")
class ForgetsOnAck(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        _, entry = await self._held(op.topic, op.group, op.receipt)
        done = await super().ack(op)
        if done and entry is not None:
            (await self._topic(op.topic))._ids.pop(entry.stored.id, None)
        return done


@messaging("U-MS-30", "T4", "ids are known across topics, and so across tenants")
class GlobalIds(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await self._store.reading()
        known = self._store.rows(("unseen", "ids"))
        if op.dedupe:
            fresh = tuple(one for one in op.messages if known.get(one.id, op.topic) == op.topic)
            known.update((one.id, op.topic) for one in fresh)
            op = replace(op, messages=fresh)
        await super().publish(op)


@messaging("U-MS-31", "T4", "the payload of a dead letter is logged")
class LogsDead(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        _, entry = await self._held(op.topic, op.group, op.receipt)
        if entry is not None:
            logging.getLogger("broker").info("dead: %s", entry.stored.payload)
        return await super().kill(op)


@messaging("U-MS-32", "T3", "an outage is received as an empty answer")
class OutageIsEmpty(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        try:
            return await super().receive(op)
        except UnavailableError:
            await self._store.clock.sleep(max(op.wait, 0.01))
            return ()


@messaging("U-MS-33", "T3", "acknowledging during an outage answers False")
class OutageIsFalse(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        try:
            return await super().ack(op)
        except UnavailableError:
            return False


@messaging("U-MS-34", "T1", "the depth of a group counts the dead letters of all groups")
class DeadOfAll(MemoryMessaging):
    async def measure(self, op: Measure, /) -> Depth:
        depth = await super().measure(op)
        return replace(depth, dead=len((await self._topic(op.topic)).dead(None)))


@messaging("U-MS-35", "T2", "publishing a batch yields half-way, where other batches come between")
class TornBatch(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        for message in op.messages:
            await super().publish(replace(op, messages=(message,)))


@messaging("U-MS-36", "T3", "a batch that is cancelled half-way stays half published")
class HalfBatch(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        half = len(op.messages) // 2
        if half:
            await super().publish(replace(op, messages=op.messages[:half]))
            await asyncio.sleep(0.01)
        await super().publish(replace(op, messages=op.messages[half:]))


@messaging("U-MS-37", "T2", "a dead letter of a key is not followed by the next of its key at once")
class DeadHoldsKey(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None:
            return False
        key, number = entry.stored.key, entry.stored.number
        done = await super().kill(op)
        if key is not None and group._heads.get(key) is not None:
            head = group.entries[group._heads[key]]
            if head.stored.number != number and head.state.name == "READY":
                group.put_back(head, self._now() + 30.0, counted=True)
        return done


@messaging("U-MS-38", "T1", "headers of a message without a key are one mapping for all groups")
class SharedHeaders(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        for one in found:
            if isinstance(one.headers, dict):
                one.headers["x-delivered-to"] = op.group
        return found
