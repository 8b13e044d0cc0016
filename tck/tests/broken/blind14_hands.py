"""Drivers in which a verb by hand leaves standing what is behind the record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import Ack, Cancel, Kill, Nack, Publish, Receive, Redrive
from omnicloud.contracts.messaging.models import Delivery
from omnicloud.contracts.outbox.driver import Claim as ClaimEvents
from omnicloud.contracts.outbox.driver import Keep as KeepEvents
from omnicloud.contracts.outbox.driver import Mark, Requeue
from omnicloud.contracts.outbox.models import EventRecord, EventStatus
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.outbox import MemoryOutbox, _claimable, _moments
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.outbox import OutboxContract


class _Pausing(MemoryOutbox):
    """Keeps until when an aggregate pauses apart from its events."""

    def _pauses(self, space: str) -> dict[Any, float]:
        return self._rows("pauses", space)

    def _pause(self, row: Any, now: float) -> float | None:
        """Until when its aggregate stands still although it is marked."""
        raise NotImplementedError

    async def mark(self, op: Mark, /) -> None:
        await self._turn()
        now, rows = self._now(), self._rows("open", op.space)
        for row in [rows[one] for one in op.event_ids if one in rows]:
            until = None if row.event.aggregate_key is None else self._pause(row, now)
            if until is not None:
                self._pauses(op.space)[row.event.aggregate_key] = until
        await super().mark(op)

    async def claim(self, op: ClaimEvents, /) -> tuple[EventRecord, ...]:
        until = self._now() + op.wait
        while True:
            await self._turn()
            now, rows = self._now(), self._rows("open", op.space)
            pauses = self._pauses(op.space)
            free = _claimable(rows, now, len(rows) + 1)
            found = [row for row in free if pauses.get(row.event.aggregate_key, 0.0) <= now]
            found = found[: op.most]
            for row in found:
                claimed = replace(row, owner=op.owner, claimed_until=now + op.lease)
                rows[row.event.event_id] = claimed
            if found or now >= until:
                return tuple(row.record() for row in found)
            moments = [*_moments(rows), *pauses.values()]
            wake = min((moment for moment in moments if moment > now), default=until)
            await self._store.changed(min(wake, until) - now)


@broken("BLIND14-OX-23", "T3", "the pause after a failure outlives its event", OutboxContract)
class PauseStays(_Pausing):
    def _pause(self, row: Any, now: float) -> float | None:
        return row.ready_at if row.ready_at > now else None


@broken(
    "BLIND14-OX-24", "T3", "a claim holds its aggregate after its event is marked", OutboxContract
)
class ClaimStays(_Pausing):
    async def mark(self, op: Mark, /) -> None:
        if len(op.event_ids) == 1:  # a relay marks in batches, a hand one by one
            await super().mark(op)
        else:
            await MemoryOutbox.mark(self, op)

    def _pause(self, row: Any, now: float) -> float | None:
        return row.claimed_until if row.claimed_until > now else None


@broken("BLIND14-OX-25", "T3", "what is parked and marked stops its aggregate", OutboxContract)
class ParkedStops(_Pausing):
    def _pause(self, row: Any, now: float) -> float | None:
        return now + 3600.0 if row.status is EventStatus.PARKED and row.attempts > 1 else None


@broken(
    "BLIND14-OX-26", "T3", "an event behind the head that is marked sets it free", OutboxContract
)
class TailFreesHead(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        rows = self._rows("open", op.space)
        keys = {rows[one].event.aggregate_key for one in op.event_ids if one in rows} - {None}
        await super().mark(op)
        for event_id, row in rows.items():
            if row.event.aggregate_key in keys and row.status is EventStatus.PENDING:
                rows[event_id] = replace(row, ready_at=0.0)


@broken(
    "BLIND14-OX-27", "T3", "what is requeued waits as it was told when it failed", OutboxContract
)
class RequeuedWaits(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        row = self._rows("open", op.space).get(op.event_id)
        done = await super().requeue(op)
        if done and row is not None:
            rows = self._rows("open", op.space)
            rows[op.event_id] = replace(rows[op.event_id], ready_at=row.ready_at)
        return done


@broken(
    "BLIND14-OX-28", "T3", "a claim given free by hand frees all of its aggregate", OutboxContract
)
class FreesAllOfAggregate(MemoryOutbox):
    async def keep(self, op: KeepEvents, /) -> None:
        rows = self._rows("open", op.space)
        keys = {rows[one].event.aggregate_key for one in op.event_ids if one in rows} - {None}
        if op.lease == 0:
            held = [one for one, row in rows.items() if row.event.aggregate_key in keys]
            op = replace(op, event_ids=(*op.event_ids, *held))
        await super().keep(op)


@broken("BLIND14-OX-29", "T3", "a mark that is rolled back has freed the aggregate", OutboxContract)
class RolledBackFrees(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        if self._transaction is not None:
            outside = self._store.rows(("outbox", self._namespace, "open", op.space))
            for event_id in op.event_ids:
                if event_id in outside:
                    outside[event_id] = replace(outside[event_id], claimed_until=0.0, ready_at=0.0)
        await super().mark(op)


@broken("BLIND14-OX-30", "T3", "a claim that ran out and is marked counts as held", OutboxContract)
class RunOutCounts(_Pausing):
    def _pause(self, row: Any, now: float) -> float | None:
        left = row.owner and 0.0 < row.claimed_until <= now and not row.attempts
        return now + 600.0 if left else None


class _Resting(MemoryMessaging):
    """Keeps until when a key of a group rests apart from its messages."""

    def _rests(self, topic: str, group: str) -> dict[str, float]:
        return self._store.rows(("rests", *self._table, topic, group))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        rests, now = self._rests(op.topic, op.group), self._now()
        resting = [one for one in found if one.key is not None and rests.get(one.key, 0.0) > now]
        for one in resting:
            left = rests[one.key or ""] - now
            await self.nack(Nack(op.topic, op.group, one.receipt, left, count=False))
        return tuple(one for one in found if one not in resting)

    async def _key(self, op: Ack | Kill | Nack) -> tuple[str | None, Any]:
        _, entry = await self._held(op.topic, op.group, op.receipt)
        return (None, None) if entry is None else (entry.stored.key, entry)


@broken("BLIND14-MS-26", "T3", "a killed message's key rests as after a failure", MessagingContract)
class KilledKeyRests(_Resting):
    async def kill(self, op: Kill, /) -> bool:
        key, entry = await self._key(op)
        if key is not None and entry.attempt > 1:
            self._rests(op.topic, op.group)[key] = self._now() + 60.0
        return await super().kill(op)


@broken(
    "BLIND14-MS-27", "T3", "a key rests for its lease although that was settled", MessagingContract
)
class LongLeaseStays(_Resting):
    async def extend(self, op: Any, /) -> tuple[str, ...]:
        good = await super().extend(op)
        for receipt in good:
            key, _ = await self._key(Ack(op.topic, op.group, receipt))
            if key is not None:
                self._rests(op.topic, op.group)[key] = self._now() + op.lease
        return good


@broken(
    "BLIND14-MS-28", "T3", "a schedule taken back holds its key until it is due", MessagingContract
)
class CancelledHolds(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        held = self._store.rows(("held", *self._table, op.topic))
        if op.delay:
            due = {one.id: (one.key, self._now() + op.delay) for one in op.messages if one.key}
            self._store.rows(("dues", *self._table, op.topic)).update(due)
        now = self._now()
        for one in op.messages:
            if not op.delay and held.get(one.key, 0.0) > now:
                await super().publish(replace(op, messages=(one,), delay=held[one.key] - now))
            else:
                await super().publish(replace(op, messages=(one,)))

    async def cancel(self, op: Cancel, /) -> bool:
        done = await super().cancel(op)
        due = self._store.rows(("dues", *self._table, op.topic)).pop(op.id, None)
        if done and due is not None:
            self._store.rows(("held", *self._table, op.topic))[due[0]] = due[1]
        return done


@broken(
    "BLIND14-MS-29", "T3", "a redriven letter is lent beside another of its key", MessagingContract
)
class RedrivenBeside(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        chosen = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        for one in chosen:
            group = topic.groups[one.group]
            key = one.stored.key
            head = None if key is None else group._heads.pop(key, None)
            topic.redrive([one])
            if key is not None and head is not None:
                lane = group._lanes.setdefault(key, [])
                lane[:] = sorted({*lane} - {head})
        self._store.tell()
        return len(chosen)


@broken(
    "BLIND14-MS-30", "T3", "a schedule taken back takes its key's others along", MessagingContract
)
class CancelsTheKey(MemoryMessaging):
    async def cancel(self, op: Cancel, /) -> bool:
        topic = await self._topic(op.topic)
        keys = {one.key for _, _, one, _ in topic._scheduled if one.id == op.id} - {None}
        also = [one.id for _, _, one, _ in topic._scheduled if one.key in keys and one.id > op.id]
        done = await super().cancel(op)
        for message_id in also:
            topic.cancel(message_id)
        return done


@broken("BLIND14-MS-31", "T3", "an old receipt of a head sets its next free", MessagingContract)
class OldReceiptFrees(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        done = await super().ack(op)
        number = op.receipt.partition("-")[0]
        group = (await self._topic(op.topic)).groups.get(op.group)
        entry = group.entries.get(int(number)) if group and number.isdigit() else None
        if not done and group is not None and entry is not None and entry.stored.key is not None:
            group.put_back(entry, None, counted=True)
        return done


@broken(
    "BLIND14-MS-32", "T3", "a message given back at once frees its key's next", MessagingContract
)
class GivenBackFrees(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        done = await super().nack(op)
        if group is not None and entry is not None and entry.attempt > 1 and op.delay > 0:
            lane = group._lanes.get(entry.stored.key or "")
            if lane:
                number = lane.pop(0)
                group._heads[entry.stored.key or ""] = number
                group._ready.append(number)
        return done
