"""Outboxes that are wrong where options, times and clients meet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.outbox.driver import (
    Claim,
    Fail,
    Keep,
    Lag,
    ListEvents,
    Mark,
    Purge,
    Requeue,
    Save,
)
from omnicloud.contracts.outbox.models import EventRecord, EventStatus, OutboxLag
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud_tck.outbox import OutboxContract

Records = tuple[EventRecord, ...]

_DAY = 86_400.0


def outbox(number: str, tier: str, summary: str) -> Any:
    return broken(f"PRG-OX-{number}", tier, summary, OutboxContract)


@outbox("01", "T1", "marking stops at the first that is unknown")
class StopsAtUnknown(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        known = self._rows("open", op.space).keys() | self._rows("done", op.space).keys()
        ids = list(op.event_ids)
        unknown = next((n for n, one in enumerate(ids) if one not in known), len(ids))
        await super().mark(replace(op, event_ids=tuple(ids[:unknown])))


@outbox("02", "T1", "keeping stops at the first that is not claimed")
class KeepsTheFirst(MemoryOutbox):
    async def keep(self, op: Keep, /) -> None:
        for event_id in op.event_ids:
            if self._claimed(op.space, event_id, op.owner) is None:
                break
            await super().keep(replace(op, event_ids=(event_id,)))


@outbox("03", "T1", "a parking is no attempt")
class ParkingIsNone(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        await super().fail(op)
        row = self._rows("open", op.space).get(op.event_id)
        if op.park and row is not None and row.status is EventStatus.PARKED and row.attempts:
            self._rows("open", op.space)[op.event_id] = replace(row, attempts=row.attempts - 1)


@outbox("04", "T3", "claims last a day at the most")
class ADay(MemoryOutbox):
    async def claim(self, op: Claim, /) -> Records:
        return await super().claim(replace(op, lease=min(op.lease, _DAY)))


@outbox("05", "T3", "a failed event waits an hour at the most")
class AnHour(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        await super().fail(replace(op, delay=min(op.delay, 3600.0)))


@outbox("06", "T3", "ages at a purge are whole hours")
class WholeHours(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        return await super().purge(replace(op, older_than=op.older_than // 3600 * 3600))


@outbox("07", "T1", "a purge deletes all that is old, and tells of as many as were asked")
class PurgesAll(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        return min(op.most, await super().purge(replace(op, most=1_000_000)))


@outbox("08", "T2", "a requeue looks, awaits, and writes")
class RequeuesInTwo(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        row = self._rows("open", op.space).get(op.event_id)
        requeued = await super().requeue(op)
        await asyncio.sleep(0)
        if requeued and row is not None:
            again = replace(row, status=EventStatus.PENDING, attempts=0, ready_at=0.0)
            self._rows("open", op.space)[op.event_id] = again
        return requeued


@outbox("09", "T2", "of several claims of one owner the last is kept alone")
class LastClaim(MemoryOutbox):
    async def claim(self, op: Claim, /) -> Records:
        rows = self._rows("open", op.space)
        for event_id, row in list(rows.items()):
            if row.owner == op.owner and row.claimed_until > self._now():
                rows[event_id] = replace(row, claimed_until=0.0)
        return await super().claim(op)


@outbox("10", "T1", "the lag is at most a day")
class LagOfADay(MemoryOutbox):
    async def lag(self, op: Lag, /) -> OutboxLag:
        lag = await super().lag(op)
        return replace(lag, oldest_seconds=min(lag.oldest_seconds, _DAY))


@outbox("11", "T1", "pages go on by the ids of events")
class PagesByPlace(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> Records:
        if op.after is None:
            return await super().list_events(op)
        every = await super().list_events(replace(op, after=None, limit=10_000))
        later = [one for one in every if one.event_id > op.after]
        return tuple(later[: op.limit])


@outbox("12", "T2", "saving again an event that is parked makes it pending")
class SavesAnew(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        await super().save(op)
        rows = self._rows("open", op.space)
        row = rows.get(op.event.event_id)
        if row is not None and row.status is EventStatus.PARKED:
            rows[op.event.event_id] = replace(row, status=EventStatus.PENDING)


@outbox("13", "T2", "marks of several, cancelled half-way, are done in part")
class MarksByOnes(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        for event_id in op.event_ids:
            await super().mark(replace(op, event_ids=(event_id,)))
            await asyncio.sleep(0)
