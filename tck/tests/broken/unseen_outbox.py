"""outbox drivers, wrong in ways that no law was written for."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.outbox.driver import (
    Claim,
    Fail,
    Keep,
    Lag,
    ListAggregates,
    ListEvents,
    Mark,
    Purge,
    Requeue,
    Save,
)
from omnicloud.contracts.outbox.models import EventRecord, EventStatus, NewEvent, OutboxLag
from omnicloud.errors import UnavailableError
from omnicloud.memory.outbox import MemoryOutbox, _Row
from omnicloud_tck.outbox import OutboxContract


def outbox(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, OutboxContract)


@outbox("U-OX-01", "T0", "a lease of 0 does not give a claim free")
class KeepsZero(MemoryOutbox):
    async def keep(self, op: Keep, /) -> None:
        if op.lease > 0:
            await super().keep(op)


@outbox("U-OX-02", "T1", "a requeued event keeps its attempts")
class RequeueCounts(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        await self._turn()
        row = self._rows("open", op.space).get(op.event_id)
        done = await super().requeue(op)
        if done and row is not None:
            rows = self._rows("open", op.space)
            rows[op.event_id] = replace(rows[op.event_id], attempts=row.attempts)
        return done


@outbox("U-OX-03", "T1", "a requeued event goes behind the others")
class RequeueLast(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        done = await super().requeue(op)
        rows = self._rows("open", op.space)
        if done and rows[op.event_id].event.aggregate_key is None:
            rows[op.event_id] = rows.pop(op.event_id)
        return done


@outbox("U-OX-04", "T1", "requeue answers True for a pending event")
class RequeuesPending(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        return await super().requeue(op) or op.event_id in self._rows("open", op.space)


@outbox("U-OX-05", "T1", "aggregates are listed in the order of UTF-16")
class Utf16Order(MemoryOutbox):
    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        keys = await super().list_aggregates(replace(op, after=None, limit=1 << 30))
        found = sorted(keys, key=lambda key: key.encode("utf-16-be"))
        low = (op.after or "").encode("utf-16-be")
        return tuple(key for key in found if key.encode("utf-16-be") > low)[: op.limit]


@outbox("U-OX-06", "T1", "aggregates of which all open events are parked are listed")
class ListsParked(MemoryOutbox):
    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        await self._store.reading()
        rows = self._rows("open", op.space).values()
        keys = {row.event.aggregate_key for row in rows} - {None}
        low = op.after or ""
        return tuple(sorted(key for key in keys if key > low)[: op.limit])


@outbox("U-OX-07", "T1", "claimed events do not count as pending in the lag")
class LagUnclaimed(MemoryOutbox):
    async def lag(self, op: Lag, /) -> OutboxLag:
        lag = await super().lag(op)
        rows: list[_Row] = list(self._rows("open", op.space).values())
        claimed = sum(row.claimed_until > self._now() for row in rows)
        return replace(lag, pending=lag.pending - claimed)


@outbox("U-OX-08", "T3", "retention counts from when an event was saved")
class PurgeSaved(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        await self._turn()
        done = self._rows("done", op.space)
        for event_id, row in done.items():
            done[event_id] = replace(row, processed=row.born)
        return await super().purge(op)


@outbox("U-OX-09", "T3", "purging the last event of an aggregate begins its numbers anew")
class PurgeNumbers(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        count = await super().purge(op)
        left = [*self._rows("open", op.space).values(), *self._rows("done", op.space).values()]
        keys = {row.event.aggregate_key for row in left}
        numbers = self._rows("numbers", op.space)
        for key in set(numbers) - keys:
            del numbers[key]
        return count


@outbox("U-OX-10", "T2", "an event id is stored again once its event is processed")
class SavesDone(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        await self._turn()
        row = self._rows("done", op.space).pop(op.event.event_id, None)
        await super().save(op)
        if row is not None:
            self._rows("done", op.space)[f"{op.event.event_id}-done"] = row


@outbox("U-OX-11", "T2", "an event that waits for its next attempt holds back nothing")
class OvertakesWaiting(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        await self._turn()
        rows, now = self._rows("open", op.space), self._now()
        waiting = {name: row for name, row in rows.items() if row.ready_at > now}
        for name, row in waiting.items():
            rows[name] = replace(row, event=replace(row.event, aggregate_key=None))
        try:
            return await super().claim(replace(op, wait=0.0))
        finally:
            for name, row in waiting.items():
                rows[name] = row


@outbox("U-OX-12", "T2", "a parked event holds back nothing")
class OvertakesParked(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        await self._turn()
        rows = self._rows("open", op.space)
        parked = {n: row for n, row in rows.items() if row.status is EventStatus.PARKED}
        order = list(rows)
        for name in parked:
            del rows[name]
        try:
            return await super().claim(replace(op, wait=0.0))
        finally:
            rows.update(parked)
            held = {name: rows[name] for name in order if name in rows}
            rows.clear()
            rows.update(held)


@outbox("U-OX-13", "T2", "an owner's own claims do not hold back its aggregates")
class OvertakesOwn(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        await self._turn()
        rows, now = self._rows("open", op.space), self._now()
        own = {n: r for n, r in rows.items() if r.owner == op.owner and r.claimed_until > now}
        order = list(rows)
        for name in own:
            del rows[name]
        try:
            return await super().claim(replace(op, wait=0.0))
        finally:
            rows.update(own)
            held = {name: rows[name] for name in order if name in rows}
            rows.clear()
            rows.update(held)


@outbox("U-OX-14", "T3", "a failure is counted although the claim has ended")
class FailsLate(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        await self._turn()
        rows = self._rows("open", op.space)
        row = rows.get(op.event_id)
        if row is not None and row.owner == op.owner and row.claimed_until <= self._now():
            rows[op.event_id] = replace(row, claimed_until=self._now() + 1.0)
        await super().fail(op)


@outbox("U-OX-15", "T3", "keeping revives a claim that has ended")
class KeepsEnded(MemoryOutbox):
    async def keep(self, op: Keep, /) -> None:
        await self._turn()
        rows = self._rows("open", op.space)
        for event_id in op.event_ids:
            row = rows.get(event_id)
            if row is not None and row.owner == op.owner:
                rows[event_id] = replace(row, claimed_until=self._now() + op.lease)


@outbox("U-OX-16", "T2", "an event that is rolled back leaves a gap in the numbers")
class Gaps(MemoryOutbox):
    def _add(self, space: str, event: NewEvent) -> None:
        if self._transaction is not None and event.aggregate_key is not None:
            numbers = self._store.rows(("outbox", self._namespace, "numbers", space))
            own = self._rows("numbers", space)
            highest = max(numbers.get(event.aggregate_key, 0), own.get(event.aggregate_key, 0))
            own[event.aggregate_key] = highest
            numbers[event.aggregate_key] = highest + 1
        super()._add(space, event)


@outbox("U-OX-17", "T4", "numbers of an aggregate are common to all spaces, and so to tenants")
class CommonNumbers(MemoryOutbox):
    def _rows(self, table: str, space: str) -> Any:
        return super()._rows(table, "" if table == "numbers" else space)


@outbox("U-OX-18", "T4", "marking looks for the id in every space")
class MarksAnywhere(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await super().mark(op)
        for place in list(self._store._tables):
            if isinstance(place, tuple) and place[:3] == ("outbox", self._namespace, "open"):
                await super().mark(replace(op, space=place[3]))


@outbox("U-OX-19", "T1", "aggregate keys in composed and decomposed form are one")
class ComposedKeys(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        key = op.event.aggregate_key
        event = replace(op.event, aggregate_key=key and unicodedata.normalize("NFC", key))
        await super().save(replace(op, event=event))

    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        key = op.aggregate_key
        nfc = key and unicodedata.normalize("NFC", key)
        return await super().list_events(replace(op, aggregate_key=nfc))


@outbox("U-OX-20", "T1", "of a batch of marks those behind an unknown one are left out")
class MarksUntilUnknown(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await self._turn()
        known = self._rows("open", op.space)
        for place, event_id in enumerate(op.event_ids):
            if event_id not in known:
                op = replace(op, event_ids=op.event_ids[:place])
                break
        await super().mark(op)


@outbox("U-OX-21", "T3", "claims end by the wall clock")
class WallClaims(MemoryOutbox):
    def _now(self) -> float:
        return self._store.clock.wall()


@outbox("U-OX-22", "T3", "an aggregate waits for the lease of an event that is marked")
class MarkedHolds(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await self._turn()
        rows, now = self._rows("open", op.space), self._now()
        for event_id in op.event_ids:
            row = rows.get(event_id)
            if row is not None and row.event.aggregate_key and row.claimed_until > now:
                for name, other in rows.items():
                    same = other.event.aggregate_key == row.event.aggregate_key
                    if same and other.claimed_until <= now:
                        rows[name] = replace(other, ready_at=max(other.ready_at, row.claimed_until))
        await super().mark(op)


@outbox("U-OX-23", "T1", "a page goes on with the event it should go on after")
class PageFrom(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        if op.after is None:
            return await super().list_events(op)
        found = await super().list_events(replace(op, after=None, limit=1 << 30))
        ids = [one.event_id for one in found]
        start = ids.index(op.after) if op.after in ids else len(ids)
        return found[start : start + op.limit]


@outbox("U-OX-24", "T1", "an empty message key is none: one of a blank is dropped")
class BlankKey(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        key = op.event.message_key
        event = replace(op.event, message_key=(key.strip() or None) if key else key)
        await super().save(replace(op, event=event))


@outbox("U-OX-25", "T2", "claiming gives the whole of an aggregate, more than was asked")
class WholeAggregate(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        first = await super().claim(op)
        more: list[EventRecord] = []
        rows, now = self._rows("open", op.space), self._now()
        for one in first:
            for name, row in rows.items():
                same = row.event.aggregate_key == one.aggregate_key is not None
                pending = row.status is EventStatus.PENDING and row.claimed_until <= now
                if same and pending and row.ready_at <= now:
                    rows[name] = replace(row, owner=op.owner, claimed_until=now + op.lease)
                    more.append(row.record())
        return (*first, *more)


@outbox("U-OX-26", "T3", "an outage is claimed as nothing to do")
class OutageIsEmpty(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        try:
            return await super().claim(op)
        except UnavailableError:
            return ()


@outbox("U-OX-27", "T1", "parking forgets the claim's failure: attempts are one less")
class ParkUncounted(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        await super().fail(op)
        rows = self._rows("open", op.space)
        row = rows.get(op.event_id)
        if op.park and row is not None and row.status is EventStatus.PARKED:
            rows[op.event_id] = replace(row, attempts=row.attempts - 1)


@outbox("U-OX-28", "T3", "an old owner's failure ends the claim of the new one")
class FailsOthers(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        await self._turn()
        row = self._rows("open", op.space).get(op.event_id)
        owner = row.owner if row is not None else op.owner
        await super().fail(replace(op, owner=owner))


@outbox("U-OX-29", "T1", "the status filter of pending unordered events forgets the parked ones")
class ParkedArePending(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        found = await super().list_events(op)
        if op.status is EventStatus.PENDING and op.aggregate_key is not None and not op.after:
            parked = await super().list_events(replace(op, status=EventStatus.PARKED))
            both = sorted((*found, *parked), key=lambda one: one.sequence_id or 0)
            return tuple(both)[: op.limit]
        return found
