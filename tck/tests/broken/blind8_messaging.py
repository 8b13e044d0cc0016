"""Messaging drivers that stop at a hundred, at one group, or at what is easy to see."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterable
from dataclasses import replace
from itertools import accumulate
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import (
    DeadLetters,
    Extend,
    Nack,
    Publish,
    Receive,
    Redrive,
    Replay,
    Subscribe,
)
from omnicloud.contracts.messaging.models import DeadPage, Delivery
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.queue import GroupQueue
from omnicloud_tck.messaging import MessagingContract

_WINDOW = 100


@broken(
    "B8-MS04", "T1", "redriving by id moves the dead letter of one group only", MessagingContract
)
class RedriveOneGroup(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        chosen = topic.dead(op.group)
        if op.ids:
            by_id = {one.stored.id: one for one in reversed(chosen)}
            chosen = [by_id[name] for name in dict.fromkeys(op.ids) if name in by_id]
        topic.redrive(chosen)
        self._store.tell()
        return len(chosen)


@broken(
    "B8-MS20", "T1", "a message that died in several groups is one dead letter", MessagingContract
)
class OneLetterForAll(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        if op.group is not None:
            return page
        first = {letter.id: letter for letter in reversed(page.letters)}
        kept = (letter for letter in page.letters if first[letter.id] is letter)
        return replace(page, letters=tuple(kept))


@broken(
    "B8-MS21", "T3", "of more than 100 leases extended at once the rest ends", MessagingContract
)
class ExtendsAHundred(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        return await super().extend(replace(op, receipts=op.receipts[:_WINDOW]))


@broken("B8-MS22", "T3", "the same, and all are said to be good", MessagingContract)
class SaysAllExtended(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        good = await super().extend(replace(op, receipts=op.receipts[:_WINDOW]))
        return (*good, *op.receipts[_WINDOW:])


@broken("B8-MS23", "T2", "a receive looks at the oldest 100 messages only", MessagingContract)
class LooksAtAHundred(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        group = (await self._topic(op.topic)).groups.get(op.group)
        if group is None:
            return await super().receive(op)
        until, step = self._now() + op.wait, replace(op, wait=0.0)
        while True:
            await self._store.reading()
            late = _hidden(group)
            found = await super().receive(step)
            _shown(group, late)
            if found or self._now() >= until:
                return found
            await asyncio.sleep(0.05)


def _hidden(group: GroupQueue) -> list[int]:
    window = set(sorted(group.entries)[:_WINDOW])
    late = [number for number in group._ready if number not in window]
    group._ready = [number for number in group._ready if number in window]
    heapq.heapify(group._ready)
    return late


def _shown(group: GroupQueue, late: Iterable[int]) -> None:
    for number in late:
        heapq.heappush(group._ready, number)


@broken("B8-MS10", "T2", "a cancelled long poll still takes the next message", MessagingContract)
class GhostPoll(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        if not op.wait:
            return await super().receive(op)
        asked = asyncio.ensure_future(super().receive(op))
        asked.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(asked)


@broken(
    "B8-MS12",
    "T2",
    "what is given back uncounted goes behind the others of its key",
    MessagingContract,
)
class GiveBackBehind(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None or op.count:
            return await super().nack(op)
        topic = await self._topic(op.topic)
        group.remove(entry)
        number = topic.number()
        group.add(replace(entry.stored, number=number))
        group.entries[number].attempt = entry.attempt - 1
        self._store.tell()
        return True


@broken(
    "B8-MS15",
    "T3",
    "the id of a scheduled message is not known until it is due",
    MessagingContract,
)
class ScheduledUnknown(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        topic = await self._topic(op.topic)
        for _, _, message, _ in topic._scheduled:
            topic._ids.pop(message.id, None)
        await super().publish(op)
        for _, _, message, _ in topic._scheduled:
            topic._ids.setdefault(message.id, 1e18)


@broken("B8-MS24", "T1", "of a batch the first 100 ids are looked up", MessagingContract)
class LooksUpAHundred(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        topic = await self._topic(op.topic)
        for message in op.messages[_WINDOW:] if op.dedupe else ():
            topic._ids.pop(message.id, None)
        await super().publish(op)


@broken("B8-MS25", "T1", "of more than 100 ids the first 100 are redriven", MessagingContract)
class RedrivesAHundred(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        return await super().redrive(replace(op, ids=op.ids[:_WINDOW]))


@broken("B8-MS26", "T1", "a replay brings back the newest 100", MessagingContract)
class ReplaysAHundred(MemoryMessaging):
    async def replay(self, op: Replay, /) -> int:
        topic = await self._topic(op.topic)
        topic.subscribe(op.group)
        group = topic.groups[op.group]
        settled = (stored for _, stored in topic._log if stored.number not in group.entries)
        again = [stored for stored in settled if stored.published_at >= op.since][-_WINDOW:]
        for stored in again:
            group.add(stored)
        self._store.tell()
        return len(again)


@broken("B8-MS27", "T3", "after 20 deliveries the broker drops a message", MessagingContract)
class DropsByItself(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None or entry.attempt < 20:
            return await super().nack(op)
        group.remove(entry)
        self._store.tell()
        return True


@broken("B8-MS28", "T1", "attempts are counted up to 10", MessagingContract)
class CountsToTen(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        return tuple(replace(one, attempt=min(one.attempt, 10)) for one in found)


@broken("B8-MS29", "T3", "a lease can be extended ten times", MessagingContract)
class ExtendsTenTimes(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        times = self._store.rows(("extended", self._table))
        for receipt in op.receipts:
            times[receipt] = times.get(receipt, 0) + 1
        good = tuple(receipt for receipt in op.receipts if times[receipt] <= 10)
        return await super().extend(replace(op, receipts=good))


@broken("B8-MS30", "T1", "a page of dead letters ends at 1 MiB, as if the last", MessagingContract)
class LettersOfAMegabyte(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        sizes = accumulate(len(letter.payload) for letter in page.letters)
        few = sum(size <= 1 << 20 for size in sizes)
        whole = few == len(page.letters)
        return page if whole else DeadPage(page.letters[: max(1, few)], None)


@broken("B8-MS31", "T2", "groups after the tenth share what the tenth has", MessagingContract)
class TenGroups(MemoryMessaging):
    def _of_ten(self, op: Any) -> Any:
        known = self._store.rows(("groups", self._table)).setdefault(op.topic, [])
        if op.group not in known:
            known.append(op.group)
        return replace(op, group=known[min(9, known.index(op.group))])

    async def subscribe(self, op: Subscribe, /) -> None:
        await super().subscribe(self._of_ten(op))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(self._of_ten(op))
