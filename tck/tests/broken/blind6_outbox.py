"""Outbox drivers that are wrong as those over a table of events would be."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.outbox.driver import (
    Claim,
    Keep,
    ListAggregates,
    ListEvents,
    Mark,
    Purge,
    Requeue,
)
from omnicloud.contracts.outbox.models import EventRecord, EventStatus, NewEvent
from omnicloud.memory.outbox import MemoryOutbox, _Row
from omnicloud_tck.outbox import OutboxContract


def outbox(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, OutboxContract)


@outbox("B6-OX-01", "T0", "requeue says whether the event is parked, and leaves it so")
class OnlyLooksAtParked(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        await self._turn()
        row: _Row | None = self._rows("open", op.space).get(op.event_id)
        return row is not None and row.status is EventStatus.PARKED


@outbox("B6-OX-02", "T1", "of aggregates whose keys differ in case only, one is listed")
class DistinctByCollation(MemoryOutbox):
    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        every = await super().list_aggregates(replace(op, after=None, limit=1_000_000))
        distinct = {key.casefold(): key for key in reversed(every)}
        later = (key for key in every if distinct[key.casefold()] == key)
        return tuple(key for key in later if op.after is None or key > op.after)[: op.limit]


@outbox("B6-OX-03", "T1", "only pending events are marked: a parked one stays parked")
class MarksPending(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        rows = self._rows("open", op.space)
        pending = (one for one in op.event_ids if self._is_pending(rows.get(one)))
        await super().mark(replace(op, event_ids=tuple(pending)))

    def _is_pending(self, row: _Row | None) -> bool:
        return row is None or row.status is EventStatus.PENDING


@outbox("B6-OX-04", "T1", "a requeued event keeps its attempts")
class KeepsAttempts(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        row: _Row | None = self._rows("open", op.space).get(op.event_id)
        done = await super().requeue(op)
        rows = self._rows("open", op.space)
        if done and row is not None:
            rows[op.event_id] = replace(rows[op.event_id], attempts=row.attempts)
        return done


@outbox("B6-OX-05", "T2", "an owner is given the next of an aggregate that it holds already")
class OwnClaimsDoNotHold(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        found = await super().claim(replace(op, wait=0.0))
        if len(found) < op.most:
            found += self._beside(op, op.most - len(found))
        return found or await super().claim(op)

    def _beside(self, op: Claim, most: int) -> tuple[EventRecord, ...]:
        rows, now = self._rows("open", op.space), self._now()
        own = {row.event.aggregate_key for row in rows.values() if row.owner == op.owner}
        barred = {row.event.aggregate_key for row in rows.values() if self._bars(row, op, now)}
        free = [
            row
            for row in rows.values()
            if row.event.aggregate_key in own - barred - {None}
            and row.claimed_until <= now
            and row.status is EventStatus.PENDING
        ][:most]
        for row in free:
            claimed = replace(row, owner=op.owner, claimed_until=now + op.lease)
            rows[row.event.event_id] = claimed
        return tuple(row.record() for row in free)

    def _bars(self, row: _Row, op: Claim, now: float) -> bool:
        others = row.claimed_until > now and row.owner != op.owner
        return others or row.status is EventStatus.PARKED or row.ready_at > now


@outbox("B6-OX-06", "T2", "mark inside a transaction is done at once, whatever becomes of that")
class MarksOutside(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await self._turn()
        for rows, done in self._tables(op.space):
            for event_id in op.event_ids:
                row: _Row | None = rows.pop(event_id, None)
                if row is not None:
                    now = self._now()
                    done[event_id] = replace(row, status=EventStatus.PROCESSED, processed=now)
        self._tell()

    def _tables(self, space: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        outside = MemoryOutbox(self._store, self._namespace)
        both = [outside] if self._transaction is None else [outside, self]
        return [(one._rows("open", space), one._rows("done", space)) for one in both]


@outbox("B6-OX-07", "T2", "saving an event a second time uses up a number of its aggregate")
class NumbersFirst(MemoryOutbox):
    def _add(self, space: str, event: NewEvent) -> None:
        key, numbers = event.aggregate_key, self._rows("numbers", space)
        known = (self._rows(table, space) for table in ("open", "done"))
        if key is not None and any(event.event_id in rows for rows in known):
            numbers[key] += 1
        super()._add(space, event)


@outbox("B6-OX-08", "T3", "purge counts from when an event was saved, not from its mark")
class PurgesBySaved(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        done = self._rows("done", op.space)
        for event_id, row in done.items():
            done[event_id] = replace(row, processed=row.born)
        return await super().purge(op)


@outbox("B6-OX-09", "T3", "an aggregate of which purge leaves no event is numbered anew")
class PurgesNumbers(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        count = await super().purge(op)
        tables = [self._rows(table, op.space) for table in ("open", "done")]
        left = {row.event.aggregate_key for rows in tables for row in rows.values()}
        numbers = self._rows("numbers", op.space)
        for key in [key for key in numbers if count and key not in left]:
            del numbers[key]
        return count


@outbox("B6-OX-10", "T3", "an ended claim is renewed where nobody took the event since")
class RevivesClaims(MemoryOutbox):
    async def keep(self, op: Keep, /) -> None:
        await self._turn()
        rows = self._rows("open", op.space)
        for event_id in op.event_ids:
            row: _Row | None = rows.get(event_id)
            if row is not None and row.owner == op.owner:
                rows[event_id] = replace(row, claimed_until=self._now() + op.lease)
        self._tell()


@outbox("B6-OX-11", "T4", "the aggregate to list is a LIKE pattern: _ and % in it match others")
class ListsLike(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        key = op.aggregate_key
        if key is None or op.every or ("_" not in key and "%" not in key):
            return await super().list_events(op)
        every = await super().list_events(replace(op, every=True, limit=1_000_000))
        parts = {"_": ".", "%": ".*"}
        like = re.compile("".join(parts.get(one, re.escape(one)) for one in key), re.DOTALL)
        own = (one for one in every if like.fullmatch(one.aggregate_key or ""))
        return tuple(own)[: op.limit]
