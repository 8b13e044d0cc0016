"""Outbox drivers that do a hundred of many, or remember what was rolled back."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

from broken.registry import broken
from omnicloud.contracts.outbox.driver import (
    Fail,
    Keep,
    ListAggregates,
    ListEvents,
    Mark,
    Purge,
    Requeue,
    Save,
)
from omnicloud.contracts.outbox.models import EventRecord
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud_tck.outbox import OutboxContract

_CHUNK = 100


@broken("B8-OX13", "T3", "of more than 100 claims kept at once the rest ends", OutboxContract)
class KeepsAHundred(MemoryOutbox):
    async def keep(self, op: Keep, /) -> None:
        await super().keep(replace(op, event_ids=op.event_ids[:_CHUNK]))


@broken("B8-OX14", "T1", "of more than 100 events marked at once the rest waits", OutboxContract)
class MarksAHundred(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await super().mark(replace(op, event_ids=op.event_ids[:_CHUNK]))


@broken("B8-OX15", "T2", "an event whose saving was rolled back is taken for known", OutboxContract)
class RolledBackIsKnown(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        seen = self._store.rows(("seen", self._namespace, op.space))
        if self._transaction is not None and op.event.event_id in seen:
            await self._turn()
            return
        await super().save(op)
        if self._transaction is not None:
            seen[op.event.event_id] = True


@broken("B8-OX16", "T2", "what was marked and rolled back is never marked", OutboxContract)
class MarkedOnce(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        seen = self._store.rows(("marked", self._namespace, op.space))
        ids = tuple(name for name in op.event_ids if name not in seen)
        await super().mark(replace(op, event_ids=ids))
        if self._transaction is not None:
            done = self._rows("done", op.space)
            seen.update({name: True for name in ids if name in done})


@broken("B8-OX03", "T1", "a requeued event without an aggregate goes to the end", OutboxContract)
class RequeuedLast(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        done = await super().requeue(op)
        rows = self._rows("open", op.space)
        if done and rows[op.event_id].event.aggregate_key is None:
            row = rows.pop(op.event_id)
            rows[op.event_id] = replace(row, number=self._store.number())
        return done


@broken("B8-OX17", "T1", "aggregates are listed 100 at a time, whatever is asked", OutboxContract)
class ListsAHundred(MemoryOutbox):
    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        return await super().list_aggregates(replace(op, limit=min(op.limit, _CHUNK)))


@broken("B8-OX18", "T1", "events are purged 100 at a time, whatever is asked", OutboxContract)
class PurgesAHundred(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        return await super().purge(replace(op, most=min(op.most, _CHUNK)))


@broken("B8-OX19", "T3", "the store parks an event after 16 failures", OutboxContract)
class ParksByItself(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        row = self._rows("open", op.space).get(op.event_id)
        over = row is not None and row.attempts >= 15
        await super().fail(replace(op, park=op.park or over))


@broken("B8-OX20", "T1", "an event can be requeued once", OutboxContract)
class RequeuesOnce(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        seen = self._store.rows(("requeued", self._namespace, op.space))
        if op.event_id in seen:
            await self._turn()
            return False
        seen[op.event_id] = True
        return await super().requeue(op)


@broken("B8-OX21", "T1", "a transaction saves 100 events and drops the rest", OutboxContract)
class SavesAHundred(MemoryOutbox):
    _saved = 0

    async def save(self, op: Save, /) -> None:
        self._saved += self._transaction is not None
        if self._saved > _CHUNK:
            await self._turn()
            return
        await super().save(op)


@broken("B8-OX22", "T3", "a claim can be kept ten times", OutboxContract)
class KeepsTenTimes(MemoryOutbox):
    async def keep(self, op: Keep, /) -> None:
        times = self._store.rows(("kept", self._namespace, op.space))
        for name in op.event_ids:
            times[name] = times.get(name, 0) + 1
        good = tuple(name for name in op.event_ids if times[name] <= 10)
        await super().keep(replace(op, event_ids=good))


@broken("B8-OX23", "T1", "a page of events ends at 1 MiB", OutboxContract)
class EventsOfAMegabyte(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        found = await super().list_events(op)
        sizes = accumulate(len(record.payload) for record in found)
        return found[: max(1, sum(size <= 1 << 20 for size in sizes))]


@broken(
    "B8-OX24", "T2", "what a transaction purges stays purged when it is given up", OutboxContract
)
class PurgesOutside(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        count = await super().purge(op)
        left = self._rows("done", op.space)
        committed = self._store.rows(("outbox", self._namespace, "done", op.space))
        for name in [name for name in committed if name not in left]:
            del committed[name]
        return count


@broken("B8-OX25", "T2", "what a transaction requeues stays so when it is given up", OutboxContract)
class RequeuesOutside(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        done = await super().requeue(op)
        if done:
            committed = self._store.rows(("outbox", self._namespace, "open", op.space))
            committed[op.event_id] = self._rows("open", op.space)[op.event_id]
        return done
