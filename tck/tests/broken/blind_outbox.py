"""outbox drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.outbox.driver import (
    Claim,
    Fail,
    ListAggregates,
    Mark,
    Requeue,
    Save,
)
from omnicloud.contracts.outbox.models import EventRecord, EventStatus, NewEvent
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud_tck.outbox import OutboxContract

_LOG = logging.getLogger("outbox driver")


def outbox(number: int, tier: str, summary: str) -> Any:
    return broken(f"B-OX-{number:02}", tier, summary, OutboxContract)


class _Sifting(MemoryOutbox):
    """One that holds some events back from those who claim."""

    def is_held(self, space: str, event_id: str) -> bool:
        return False

    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        found = await super().claim(op)
        rows = self._rows("open", op.space)
        held = [one.event_id for one in found if self.is_held(op.space, one.event_id)]
        for event_id in held:
            rows[event_id] = replace(rows[event_id], owner="", claimed_until=0.0)
        return tuple(one for one in found if one.event_id not in held)


@outbox(1, "T0", "the first failure parks, whatever was asked")
class ParksAtOnce(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        await super().fail(replace(op, park=True))


@outbox(2, "T1", "an event that is saved again after it was processed is stored anew")
class ForgetsProcessed(MemoryOutbox):
    def _add(self, space: str, event: NewEvent) -> None:
        done = self._rows("done", space)
        row = done.pop(event.event_id, None)
        try:
            super()._add(space, event)
        finally:
            if row is not None:
                done[event.event_id] = row


@outbox(3, "T1", "an event that is requeued goes behind all others")
class RequeuesLast(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        done = await super().requeue(op)
        if done:
            rows = self._rows("open", op.space)
            rows[op.event_id] = rows.pop(op.event_id)
        return done


@outbox(4, "T1", "a list of aggregates also has those whose events are all parked")
class ListsParked(MemoryOutbox):
    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        await self._store.reading()
        keys = {
            row.event.aggregate_key
            for row in self._rows("open", op.space).values()
            if row.event.aggregate_key is not None
        }
        return tuple(sorted(key for key in keys if op.after is None or key > op.after)[: op.limit])


@outbox(5, "T2", "an owner's own claims do not hold its aggregate: it is given the next as well")
class ClaimsBesideItself(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        found = await super().claim(replace(op, wait=0.0))
        if found:
            return found
        now = self._now()
        rows = self._rows("open", op.space)
        for event_id, row in rows.items():
            key = row.event.aggregate_key
            beside = [one for one in rows.values() if one.event.aggregate_key == key]
            own = all(one.owner == op.owner for one in beside if one.claimed_until > now)
            held = any(one.claimed_until > now for one in beside)
            free = row.claimed_until <= now and row.ready_at <= now
            if key and held and own and free and row.status is EventStatus.PENDING:
                rows[event_id] = replace(row, owner=op.owner, claimed_until=now + op.lease)
                return (rows[event_id].record(),)
        return await super().claim(op)


@outbox(6, "T2", "a relay whose claim has ended fails the event that another claims now")
class FailsAnothers(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        row = self._rows("open", op.space).get(op.event_id)
        await super().fail(op if row is None else replace(op, owner=row.owner))


@outbox(7, "T2", "an event that was marked holds its aggregate until its claim's lease ends")
class MarkedHolds(_Sifting):
    def is_held(self, space: str, event_id: str) -> bool:
        now, key = self._now(), self._rows("open", space)[event_id].event.aggregate_key
        return key is not None and any(
            row.claimed_until > now and row.event.aggregate_key == key
            for row in self._rows("done", space).values()
        )


@outbox(8, "T2", "a number is drawn outside the transaction: one rolled back leaves a gap")
class DrawsOutside(MemoryOutbox):
    def _add(self, space: str, event: NewEvent) -> None:
        super()._add(space, event)
        key = event.aggregate_key
        if self._transaction is not None and key is not None:
            numbers = self._store.rows(("outbox", self._namespace, "numbers", space))
            numbers[key] = self._rows("numbers", space)[key]


@outbox(9, "T3", "the back-off of a failed event is known to the relay that failed it, only")
class BacksOffAlone(_Sifting):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._ready: dict[str, float] = {}

    async def fail(self, op: Fail, /) -> None:
        await super().fail(replace(op, delay=0.0))
        self._ready[op.event_id] = self._now() + op.delay

    def is_held(self, space: str, event_id: str) -> bool:
        return self._ready.get(event_id, 0.0) > self._now()


@outbox(10, "T3", "purge counts the age of an event from its saving, not from its marking")
class PurgesYoung(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await super().mark(op)
        done = self._rows("done", op.space)
        for event_id in op.event_ids:
            if event_id in done:
                done[event_id] = replace(done[event_id], processed=done[event_id].born)


@outbox(11, "T4", "events are logged as they are saved, payload and all")
class LogsEvents(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        await super().save(op)
        _LOG.debug("saved %s for %s: %r", op.event.event_id, op.space, op.event.payload)
