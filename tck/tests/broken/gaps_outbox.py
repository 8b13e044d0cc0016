"""outbox drivers at the places that the list of known faults leaves open."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.outbox.driver import Claim, Fail, ListEvents, Mark, Purge, Save
from omnicloud.contracts.outbox.models import EventRecord, EventStatus
from omnicloud.errors import UnavailableError
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud_tck.outbox import OutboxContract


def outbox(number: str, tier: str, summary: str) -> Any:
    return broken(f"GAP-{number}", tier, summary, OutboxContract)


@outbox("OX01", "T0", "saving stores nothing")
class SavesNothing(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        await self._turn()


@outbox("OX04", "T0", "marking an event as processed is a no-op")
class MarksNothing(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await self._turn()


@outbox("OX05", "T1", "the limit of a list of events is ignored")
class NoLimit(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        return await super().list_events(replace(op, limit=1 << 30))


@outbox("OX16", "T2", "two relays that claim at once are given the same events")
class ClaimsTwice(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        await self._turn()
        before = dict(self._rows("open", op.space))
        found = await super().claim(op)
        if found:
            await asyncio.sleep(0)
            return found
        now = self._now()
        again = [
            row
            for row in before.values()
            if row.claimed_until > now and row.event.aggregate_key is None and row.owner != op.owner
        ]
        return tuple(row.record() for row in again[: op.most])


@outbox("OX18", "T3", "marking during an outage answers as if it were done")
class CalmMark(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        try:
            await super().mark(op)
        except UnavailableError:
            return


@outbox("XOX01", "T3", "an event of a transaction that is rolled back is kept")
class SavesOutside(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        if self._transaction is None:
            return await super().save(op)
        await self._turn()
        plain = MemoryOutbox(self._store, self._namespace)
        plain._add(op.space, op.event)
        return None


@outbox("XOX03", "T1", "a transaction that is rolled back uses up a number")
class UsesUpNumbers(MemoryOutbox):
    def _rows(self, table: str, space: str) -> Any:
        if table == "numbers":
            return self._store.rows(("outbox", self._namespace, table, space))
        return super()._rows(table, space)


@outbox("XOX05", "T2", "the second event of an aggregate is claimed while the first is")
class Overtakes(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        found = await super().claim(replace(op, wait=0.0))
        if found:
            return found
        now = self._now()
        rows = self._rows("open", op.space)
        for row in rows.values():
            free = row.status is EventStatus.PENDING and row.claimed_until <= now
            if free and row.ready_at <= now:
                rows[row.event.event_id] = replace(
                    row, owner=op.owner, claimed_until=now + op.lease
                )
                return (row.record(),)
        return await super().claim(op)


@outbox("XOX06", "T3", "one parked event holds up every aggregate")
class PoisonBlocks(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        await self._turn()
        rows = self._rows("open", op.space).values()
        if any(row.status is EventStatus.PARKED and row.sequence is not None for row in rows):
            loose = [row for row in rows if row.sequence is None]
            if not loose:
                return ()
        return await super().claim(op)


@outbox("XOX07", "T1", "failed attempts are not counted, so that nothing is ever parked")
class CountsNothing(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        await super().fail(op)
        rows = self._rows("open", op.space)
        if op.event_id in rows:
            rows[op.event_id] = replace(rows[op.event_id], attempts=0)


@outbox("XOX08", "T3", "purging deletes old events that were never published, too")
class PurgesAll(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        count = await super().purge(op)
        opened = self._rows("open", op.space)
        before = self._now() - op.older_than
        for event_id in [key for key, row in opened.items() if row.born <= before]:
            del opened[event_id]
        return count


@outbox("XOX10", "T1", "a claim looks at the oldest fifty events only")
class LooksAtFifty(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        await self._turn()
        rows = self._rows("open", op.space)
        hidden = {key: rows.pop(key) for key in list(rows)[50:]}
        try:
            return await super().claim(replace(op, wait=0.0))
        finally:
            rows.update(hidden)


@outbox("XOX11", "T4", "an event is marked by its id, whose tenant's it may be")
class MarksForAll(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        known = self._store.rows("spaces")
        known[op.space] = True
        for space in list(known):
            await super().mark(replace(op, space=space))

    async def save(self, op: Save, /) -> None:
        self._store.rows("spaces")[op.space] = True
        await super().save(op)
