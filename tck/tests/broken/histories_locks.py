"""Locks and topics that only many interleavings of several clients show wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.locks.driver import Acquire, Release
from omnicloud.contracts.locks.line import EMPTY_LINE, Line, granted
from omnicloud.contracts.locks.models import Grant
from omnicloud.contracts.messaging.driver import Ack, Nack, Publish, Receive
from omnicloud.contracts.messaging.models import Delivery
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.messaging import MessagingContract


def locks(id_: str, summary: str) -> Any:
    return broken(id_, "T2", summary, LocksContract)


@locks("HLO01", "the token is drawn when an attempt begins, not when it is granted")
class DrawsTokensEarly(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        token = self._store.number()
        await self._store.reading()
        for _ in range(6 if token % 3 == 0 else 0):
            await asyncio.sleep(0)
        line, got = granted(
            self._line(op.lock),
            op.owner,
            self._now(),
            ttl=op.ttl,
            permits=op.permits,
            queue_seconds=op.queue_seconds,
            token=token,
        )
        self._keep(op.lock, line)
        return None if got is None else Grant(got)


@locks("HLO02", "taking a name that was released before looks, awaits, then takes")
class TakesInSteps(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        used = self._store.__dict__.setdefault("_wrong_used", set())
        if op.lock not in used or op.permits > 1 or self._line(op.lock).holders:
            return await super().acquire(op)
        await asyncio.sleep(0)
        held = self._line(op.lock)
        self._keep(op.lock, Line((), held.waiting))
        return await super().acquire(op)

    async def release(self, op: Release, /) -> None:
        await super().release(op)
        self._store.__dict__.setdefault("_wrong_used", set()).add(op.lock)


@locks("HLO03", "a release is acknowledged before it is done")
class ReleasesLater(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: loop.call_soon(self._done, op))

    def _done(self, op: Release) -> None:
        line = self._line(op.lock)
        holders = tuple(place for place in line.holders if place.owner != op.owner)
        waiting = tuple(place for place in line.waiting if place.owner != op.owner)
        self._keep(op.lock, Line(holders, waiting))


@locks("HLO04", "permits are counted, then taken")
class CountsThenTakes(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        if op.permits == 1 or self._line(op.lock).waiting or op.queue_seconds is not None:
            return await super().acquire(op)
        free = op.permits - len(self._line(op.lock).holders)
        await asyncio.sleep(0)
        if free > 0:
            return await super().acquire(replace(op, permits=op.permits + 1))
        return await super().acquire(op)


@locks("HLO05", "a release by one who holds nothing frees the oldest permit")
class ReleasesTheOldest(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        line: Line = self._rows().get(op.lock, EMPTY_LINE)
        known = {place.owner for place in (*line.holders, *line.waiting)}
        await super().release(op)
        if op.owner not in known and len(line.holders) > 1:
            self._keep(op.lock, Line(line.holders[1:], line.waiting))


def topics(id_: str, summary: str) -> Any:
    return broken(id_, "T2", summary, MessagingContract)


@topics("HMS01", "two acknowledgements at once: the second forgets another message too")
class ForgetsNeighbours(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        under_way = self._store.__dict__.setdefault("_wrong_acks", set())
        crowded = bool(under_way)
        under_way.add(op.receipt)
        try:
            done = await super().ack(op)
        finally:
            under_way.discard(op.receipt)
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group)
        if done and crowded and group is not None and group.entries:
            group.remove(next(iter(group.entries.values())))
        return done


@topics("HMS02", "a receive that is cancelled while it is answered acknowledges the messages")
class SettlesWhatIsCut(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            topic = self._store.rows(self._table)[op.topic]
            group = topic.groups[op.group]
            for one in found:
                entry = group.held(one.receipt)
                if entry is not None:
                    group.remove(entry)
            raise
        return found


@topics("HMS03", "a publish that is cancelled while it is answered takes back the one before")
class TakesBackTheWrong(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(op)
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            for group in self._store.rows(self._table)[op.topic].groups.values():
                ready = [entry for entry in group.entries.values() if not entry.receipt]
                if len(ready) > 1:
                    group.remove(ready[-2])
            raise


@topics("HMS04", "a message given back while its group receives goes behind those of its key")
class GivesBackLast(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        done = await super().nack(op)
        mine = (
            []
            if group is None or entry is None
            else [one for one in group.entries.values() if one.stored.key == entry.stored.key]
        )
        if group is None or entry is None or entry.stored.key is None or len(mine) != 3:
            return done
        topic = await self._topic(op.topic)
        if entry.stored.number in group.entries and not entry.receipt:
            group.remove(entry)
            group.add(replace(entry.stored, number=topic.number()))
        return done


@topics("HMS05", "a receive of three or more lends two of one key")
class LendsTwoOfAKey(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        if op.most != 3 or not found:
            return found
        topic = await self._topic(op.topic)
        group = topic.groups[op.group]
        lane = group._lanes.get(found[-1].key or "")
        if not lane:
            return found
        entry = group.entries[lane[0]]
        entry.attempt += 1
        entry.receipt = f"{entry.stored.number}-early"
        kept = entry.stored
        early = Delivery(
            kept.id, kept.payload, kept.key, kept.headers, kept.published_at, 1, entry.receipt
        )
        return (*found, early)


@topics("HMS06", "while a message is being given back, the next of its key is lent")
class LendsTheNext(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None or entry.stored.key is None:
            return await super().nack(op)
        stored, attempt = entry.stored, entry.attempt
        group.remove(entry)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        group.add(stored)
        group.entries[stored.number].attempt = attempt - (not op.count)
        if op.delay > 0:
            group.put_back(group.entries[stored.number], self._now() + op.delay, counted=True)
        self._store.tell()
        return True
