"""Relatives of what was found in brokers, outboxes, locks, rules and engines: waiting, lapsing."""

from __future__ import annotations

import asyncio
from typing import Any

from broken.registry import broken
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.models import Container, State
from omnicloud.contracts.iam.driver import PutPolicies
from omnicloud.contracts.iam.models import Policy
from omnicloud.contracts.locks.driver import Acquire
from omnicloud.contracts.locks.line import granted
from omnicloud.contracts.locks.models import Grant
from omnicloud.contracts.messaging.driver import Ack, Nack, Redrive, Replay
from omnicloud.contracts.outbox.driver import ListEvents, Mark, Requeue, Save
from omnicloud.contracts.outbox.models import EventRecord, EventStatus
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.iam import MemoryIAM
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.store import Rows
from omnicloud.memory.topic import Topic
from omnicloud_tck.containers import ContainersContract
from omnicloud_tck.iam import IAMContract
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.outbox import OutboxContract

_DAY = 86_400.0


@broken("B5-MS-23", "T2", "an acknowledgement wakes no one behind it", MessagingContract)
class AcksInSilence(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None:
            return False
        group.remove(entry)
        return True


@broken("B5-MS-24", "T2", "what is redriven wakes no one", MessagingContract)
class RedrivesInSilence(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        chosen = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        topic.redrive(chosen)
        return len(chosen)


@broken("B5-MS-25", "T2", "what is given back for later wakes no one", MessagingContract)
class GivesBackInSilence(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        if op.delay <= 0:
            return await super().nack(op)
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None:
            return False
        group.put_back(entry, self._now() + op.delay, counted=op.count)
        return True


@broken("B5-MS-26", "T3", "dead letters are forgotten after a day", MessagingContract)
class ForgetsTheDead(MemoryMessaging):
    async def _topic(self, name: str) -> Topic:
        topic = await super()._topic(name)
        before = self._store.clock.wall() - _DAY
        for group in topic.groups.values():
            old = [number for number, one in group.dead.items() if one.died_at <= before]
            for number in old:
                del group.dead[number]
        return topic


@broken("B5-MS-27", "T2", "two replays at once bring a message back twice", MessagingContract)
class ReplaysTwice(MemoryMessaging):
    async def replay(self, op: Replay, /) -> int:
        topic = await self._topic(op.topic)
        topic.subscribe(op.group)
        queue = topic.groups[op.group]
        again = [
            stored
            for _, stored in topic._log
            if stored.published_at >= op.since and stored.number not in queue.entries
        ]
        await asyncio.sleep(0)
        for stored in again:
            queue.entries.pop(stored.number, None)
            queue.add(stored)
        self._store.tell()
        return len(again)


@broken("B5-MS-28", "T1", "given back for later is an attempt, counted or not", MessagingContract)
class CountsAll(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None:
            return False
        until = self._now() + op.delay if op.delay > 0 else None
        group.put_back(entry, until, counted=op.count or op.delay > 0)
        self._store.tell()
        return True


@broken("B5-OX-15", "T2", "marking an event wakes no one behind it", OutboxContract)
class MarksInSilence(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        silent, self._tell = self._tell, lambda: None  # type: ignore[method-assign]  # for once
        try:
            await super().mark(op)
        finally:
            self._tell = silent  # type: ignore[method-assign]  # as before


@broken("B5-OX-16", "T2", "requeueing an event wakes no one", OutboxContract)
class RequeuesInSilence(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        silent, self._tell = self._tell, lambda: None  # type: ignore[method-assign]  # for once
        try:
            return await super().requeue(op)
        finally:
            self._tell = silent  # type: ignore[method-assign]  # as before


@broken("B5-OX-17", "T3", "an aggregate that rested for an hour begins anew", OutboxContract)
class CountsFromOne(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        key, now = op.event.aggregate_key, self._now()
        last = self._store.rows(("last", self._namespace))
        if last.get((op.space, key), now) + 3600.0 <= now:
            self._rows("numbers", op.space).pop(key, None)
        last[op.space, key] = now
        await super().save(op)


@broken("B5-OX-18", "T3", "what no relay took within a day is forgotten", OutboxContract)
class ForgetsEvents(MemoryOutbox):
    def _rows(self, table: str, space: str) -> Rows:
        rows = super()._rows(table, space)
        if table == "open":
            before = self._now() - _DAY
            for event_id in [name for name, row in rows.items() if row.born <= before]:
                del rows[event_id]
        return rows


@broken("B5-OX-19", "T1", "what is processed is listed as it was marked", OutboxContract)
class ListsAsMarked(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        if op.status is not EventStatus.PROCESSED:
            return await super().list_events(op)
        await self._store.reading()
        marked = [row.record() for row in self._rows("done", op.space).values()]
        found = [one for one in marked if op.every or one.aggregate_key == op.aggregate_key]
        if op.after is not None:
            found = found[[one.event_id for one in found].index(op.after) + 1 :]
        return tuple(found[: op.limit])


@broken("B5-IA-09", "T3", "rules are forgotten after a day", IAMContract)
class ForgetsRules(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        await super().put_policies(op)
        self._store.rows(self._table)["until"] = self._store.clock.monotonic() + _DAY

    def _policies(self) -> tuple[Policy, ...]:
        until = self._store.rows(self._table).get("until", 0.0)
        return super()._policies() if until > self._store.clock.monotonic() else ()


@broken("B5-LO-10", "T3", "tokens are the milliseconds of the wall clock", LocksContract)
class ClockTokens(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        stamp = int(self._store.clock.wall() * 1000) * 1000 + self._store.number() % 1000
        line, token = granted(
            self._line(op.lock),
            op.owner,
            self._now(),
            ttl=op.ttl,
            permits=op.permits,
            queue_seconds=op.queue_seconds,
            token=stamp,
        )
        self._keep(op.lock, line)
        return None if token is None else Grant(token)


@broken("B5-CT-10", "T3", "what has ended is tidied away after an hour", ContainersContract)
class TidiesAway(MemoryContainers):
    async def run(self, op: ops.Run, /) -> Container:
        made = await super().run(op)
        self._look_again(op.spec.name)
        return made

    def _look_again(self, name: str) -> None:
        def look() -> None:
            box: Any = self._boxes.get((self._space, name))
            if box is not None and box.state is State.EXITED:
                del self._boxes[self._space, name]

        self._store.at(self._now() + 3600.0, look)
