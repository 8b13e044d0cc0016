"""Outbox drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.outbox.driver import Claim, Fail, ListEvents, Mark, Requeue
from omnicloud.contracts.outbox.models import EventRecord, EventStatus, NewEvent
from omnicloud.memory.outbox import MemoryOutbox, _moments, _Row
from omnicloud.memory.store import Rows
from omnicloud_tck.outbox import OutboxContract

_log = logging.getLogger("acme.outbox")


def outbox(number: int, tier: str, summary: str) -> Any:
    return broken(f"B7-OX-{number:02}", tier, summary, OutboxContract)


# clause: Requeue "Make a parked event pending in its old place"
# app: every requeue
@outbox(1, "T0", "requeue says that it did and leaves the event parked")
class RequeuesNothing(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        await self._turn()
        row: _Row | None = self._rows("open", op.space).get(op.event_id)
        return row is not None and row.status is EventStatus.PARKED


# clause: Mark "These events are processed, whatever they were"
# app: an operator skips a poison event with mark_as_processed
@outbox(2, "T1", "marking a parked event changes nothing")
class MarksPendingOnly(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await self._turn()
        rows = self._rows("open", op.space)
        pending = tuple(
            one for one in op.event_ids if one in rows and rows[one].status is EventStatus.PENDING
        )
        await super().mark(replace(op, event_ids=pending))


# clause: Save "a stored `event_id` changes nothing"
# app: the retry layer repeats a save whose answer was lost, after a quick relay
@outbox(3, "T1", "an event that was processed already is saved again")
class SavesTheProcessedAgain(MemoryOutbox):
    def _add(self, space: str, event: NewEvent) -> None:
        done = self._rows("done", space)
        kept = done.pop(event.event_id, None)
        super()._add(space, event)
        if kept is not None:
            done[event.event_id] = kept


# clause: names "never colliding"; sequence per aggregate
# app: aggregates "AbC" and "aBc" (base64 ids) in MySQL
@outbox(4, "T1", "aggregates whose keys differ in case only are one")
class FoldsCase(MemoryOutbox):
    def _add(self, space: str, event: NewEvent) -> None:
        if event.aggregate_key is not None:
            event = replace(event, aggregate_key=self._spelled(space, event.aggregate_key))
        super()._add(space, event)

    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        if op.aggregate_key is not None:
            op = replace(op, aggregate_key=self._spelled(op.space, op.aggregate_key))
        return await super().list_events(op)

    def _spelled(self, space: str, key: str) -> str:
        spelled: str = self._rows("spelled", space).setdefault(key.casefold(), key)
        return spelled


class _Picking(MemoryOutbox):
    """Claims what ``picked`` picks."""

    def picked(self, rows: Rows, now: float, most: int) -> list[_Row]:
        raise NotImplementedError

    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        until = self._now() + op.wait
        while True:
            await self._turn()
            now, rows = self._now(), self._rows("open", op.space)
            found = self.picked(rows, now, op.most)
            for row in found:
                claimed = replace(row, owner=op.owner, claimed_until=now + op.lease)
                rows[row.event.event_id] = claimed
            if found or now >= until:
                return tuple(row.record() for row in found)
            wake = min((moment for moment in _moments(rows) if moment > now), default=until)
            await self._store.changed(min(wake, until) - now)


# clause: "Of an aggregate only the oldest ... and none while an event of it is claimed by someone"
# app: two relays on one aggregate with two pending events (SKIP LOCKED)
@outbox(5, "T2", "a second relay claims the aggregate's event behind the one that is claimed")
class SkipsLocked(_Picking):
    def picked(self, rows: Rows, now: float, most: int) -> list[_Row]:
        held = {
            row.event.aggregate_key
            for row in rows.values()
            if row.status is EventStatus.PARKED or row.ready_at > now
        } - {None}
        return [
            row
            for row in rows.values()
            if row.event.aggregate_key not in held
            and row.status is EventStatus.PENDING
            and row.claimed_until <= now
            and row.ready_at <= now
        ][:most]


# clause: "an event that is not committed uses up no number"
# app: every business transaction that is rolled back (a database sequence)
@outbox(6, "T2", "a rolled back transaction uses up sequence numbers")
class NumbersOutside(MemoryOutbox):
    def _add(self, space: str, event: NewEvent) -> None:
        opened = self._rows("open", space)
        if event.event_id in opened or event.event_id in self._rows("done", space):
            return
        sequence: int | None = None
        if event.aggregate_key is not None:
            numbers = self._store.rows(("outbox", self._namespace, "numbers", space))
            sequence = numbers[event.aggregate_key] = numbers.get(event.aggregate_key, 0) + 1
        stamp = self._store.clock.wall()
        opened[event.event_id] = _Row(self._store.number(), event, sequence, stamp, self._now())


# clause: Fail "Without the owner's claim nothing changes"
# app: a relay that was paused beyond its lease reports its failure late
@outbox(7, "T2", "a relay that lost its claim fails the event under the one that has it")
class FailsAnyClaim(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        await self._turn()
        row: _Row | None = self._rows("open", op.space).get(op.event_id)
        if row is not None and row.claimed_until > self._now():
            op = replace(op, owner=row.owner)
        await super().fail(op)


# clause: general law "read-your-writes"; within(tx) is "this driver inside a transaction"
# app: a business transaction that looks whether its event was saved already
@outbox(8, "T2", "inside a transaction events are listed as they were before it")
class ListsFromOutside(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        return await MemoryOutbox(self._store, self._namespace).list_events(op)


# clause: Purge "Sequence numbers go on where they were"
# app: an aggregate that is quiet for longer than the retention (seven days)
@outbox(9, "T3", "the next number is one more than the largest stored: a purge starts it anew")
class NumbersFromRows(MemoryOutbox):
    def _add(self, space: str, event: NewEvent) -> None:
        if event.aggregate_key is not None:
            rows = [*self._rows("open", space).values(), *self._rows("done", space).values()]
            last = [row.sequence for row in rows if row.event.aggregate_key == event.aggregate_key]
            self._rows("numbers", space)[event.aggregate_key] = max(last, default=0)
        super()._add(space, event)


# clause: "and none while an event of it ... waits for its next attempt"
# app: an aggregate whose first event fails once, with a second behind it
@outbox(10, "T3", "an event that waits for its next attempt is overtaken by those behind it")
class OvertakesTheWaiting(_Picking):
    def picked(self, rows: Rows, now: float, most: int) -> list[_Row]:
        held = {
            row.event.aggregate_key
            for row in rows.values()
            if row.claimed_until > now or row.status is EventStatus.PARKED
        } - {None}
        return [
            row
            for row in rows.values()
            if row.event.aggregate_key not in held
            and row.status is EventStatus.PENDING
            and row.claimed_until <= now
            and row.ready_at <= now
        ][:most]


# clause: OutboxLag.oldest_seconds "Age of the oldest pending event"
# app: the lag metric while publishing fails: it never grows, so no alert
@outbox(11, "T3", "an event's age counts from its last attempt")
class AgesFromAttempts(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        await super().fail(op)
        rows = self._rows("open", op.space)
        if op.event_id in rows and rows[op.event_id].attempts:
            rows[op.event_id] = replace(rows[op.event_id], born=self._now())


# clause: Purge "Delete processed events that were marked `older_than` seconds ago or longer"
# app: an event that waited a week for its broker is purged the moment it is marked
@outbox(12, "T3", "processed events are purged by when they were saved")
class PurgesByBirth(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await super().mark(op)
        done = self._rows("done", op.space)
        for event_id in op.event_ids:
            if event_id in done:
                done[event_id] = replace(done[event_id], processed=done[event_id].born)


# clause: logging row: "no payload"
# app: every publishing that fails
@outbox(13, "T4", "an event that could not be published is logged with its payload")
class LogsThePayload(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        row: _Row | None = self._rows("open", op.space).get(op.event_id)
        if row is not None:
            _log.warning("could not publish %s: %r", op.event_id, row.event.payload)
        await super().fail(op)
