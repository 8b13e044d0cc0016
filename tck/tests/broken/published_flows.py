"""messaging, outbox and sagas drivers, wrong as others were found to be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from broken.registry import C
from omnicloud.contracts.messaging.driver import Ack, Cancel, Kill, Nack, Publish, Receive
from omnicloud.contracts.messaging.models import Delivery
from omnicloud.contracts.outbox.driver import Claim
from omnicloud.contracts.outbox.models import EventRecord, EventStatus
from omnicloud.contracts.sagas.driver import Update
from omnicloud.errors import SagaStateConflictError, UnavailableError
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.outbox import MemoryOutbox, _Row
from omnicloud.memory.sagas import MemorySagas
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.sagas import SagaContract
from published import published


def messaging(id_: str, tier: str) -> Callable[[C], C]:
    return published(id_, tier, MessagingContract)


@messaging("P-MS-01", "T3")
class ShutdownKills(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        if op.count:
            return await super().nack(op)
        return await self.kill(Kill(op.topic, op.group, op.receipt, "closed"))


@messaging("P-MS-02", "T3")
class RaisedIsDone(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        return await self.ack(Ack(op.topic, op.group, op.receipt))


@messaging("P-MS-03", "T2")
class GoesToTheEnd(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group)
        entry = group.held(op.receipt) if group is not None else None
        if group is None or entry is None:
            return False
        stored = replace(entry.stored, number=topic.number())
        group.remove(entry)
        group.add(stored)
        group.entries[stored.number].attempt = entry.attempt - (not op.count)
        self._store.tell()
        return True


@messaging("P-MS-04", "T3")
class DiesWithTheWorker(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(replace(op, lease=1e12))


@messaging("P-MS-05", "T3")
class StaysDeaf(MemoryMessaging):
    deaf = False

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        try:
            found = await super().receive(replace(op, most=0) if self.deaf else op)
        except UnavailableError:
            self.deaf = True
            raise
        return () if self.deaf else found


@messaging("P-MS-06", "T2")
class GoneForAll(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group)
        entry = group.held(op.receipt) if group is not None else None
        if entry is not None:
            for other in topic.groups.values():
                for one in list(other.entries.values()):
                    if other is not group and one.stored.id == entry.stored.id:
                        other.remove(one)
        return await super().ack(op)


@messaging("P-MS-07", "T1")
class NoReason(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        return await super().kill(replace(op, reason=""))


@messaging("P-DM-01", "T3")
class VisibleAgain(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(op)
        if op.delay is None or op.delay <= self.limits.delay_max_seconds / 8:
            return
        topic = await self._topic(op.topic)
        for message in op.messages:
            topic.schedule(message, self._now() + op.delay, self._now(), self._store.clock.wall())


@messaging("P-DM-02", "T3")
class FiresAllTheSame(MemoryMessaging):
    async def cancel(self, op: Cancel, /) -> bool:
        topic = await self._topic(op.topic)
        return topic._cancellable.pop(op.id, None) is not None


@published("P-OX-01", "T2", OutboxContract)
class ClaimsNothing(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        found = await super().claim(op)
        rows = self._rows("open", op.space)
        for event in found:
            rows[event.event_id] = replace(rows[event.event_id], claimed_until=0.0)
        return found


@published("P-OX-02", "T2", OutboxContract)
class OvertakesWaiting(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        await self._turn()
        rows, now = self._rows("open", op.space), self._now()
        waiting = {event_id: row for event_id, row in rows.items() if self._waits(row, now)}
        for event_id in waiting:
            del rows[event_id]
        found = await super().claim(replace(op, wait=0.0))
        kept = {**waiting, **rows}
        rows.clear()
        rows.update(kept)
        return found or await super().claim(op)

    def _waits(self, row: _Row, now: float) -> bool:
        return row.status is EventStatus.PENDING and row.ready_at > now


@published("P-SG-01", "T0", SagaContract)
class VersionUnchecked(MemorySagas):
    async def update(self, op: Update, /) -> int:
        await self._store.turn()
        row = self._rows(op.space).get(op.state.saga_id)
        if row is not None:
            op = replace(op, state=replace(op.state, version=row.record.version))
        return await super().update(op)


@published("P-SG-02", "T2", SagaContract)
class ComparesThenWrites(MemorySagas):
    async def update(self, op: Update, /) -> int:
        await self._store.turn()
        row = self._rows(op.space).get(op.state.saga_id)
        if row is None or row.record.version != op.state.version:
            raise SagaStateConflictError("the saga has another version, or is not there")
        await asyncio.sleep(0)
        record = replace(op.state, version=op.state.version + 1)
        held = self._rows(op.space)[op.state.saga_id]
        self._rows(op.space)[op.state.saga_id] = replace(held, record=record)
        return record.version


@messaging("P-DM-03", "T3")
class FirstFailureDeletes(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(op)
        if op.delay:
            scheduled = self._store.__dict__.setdefault("_wrong_scheduled", set())
            scheduled.update(message.id for message in op.messages)

    async def nack(self, op: Nack, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        scheduled = self._store.__dict__.get("_wrong_scheduled", set())
        if group is not None and entry is not None and entry.stored.id in scheduled:
            group.remove(entry)
            return True
        return await super().nack(op)


@messaging("P-MS-08", "T3")
class LostAtShutdown(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        if op.count:
            return await super().nack(op)
        return await self.ack(Ack(op.topic, op.group, op.receipt))
