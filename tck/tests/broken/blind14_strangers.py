"""Drivers that look for an id or a receipt further than in the place that was named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import (
    Ack,
    Cancel,
    DeadLetters,
    Extend,
    Kill,
    Nack,
    Publish,
    Redrive,
)
from omnicloud.contracts.messaging.models import DeadPage
from omnicloud.contracts.outbox.driver import Claim as ClaimEvents
from omnicloud.contracts.outbox.driver import Fail, ListEvents, Mark, Purge, Requeue
from omnicloud.contracts.outbox.driver import Keep as KeepEvents
from omnicloud.contracts.outbox.models import EventRecord, EventStatus, NewEvent
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.outbox import OutboxContract


class _Everywhere(MemoryOutbox):
    """Knows the other spaces of its table."""

    def _others(self, space: str, table: str = "open") -> list[str]:
        kept = list(self._store._tables)
        return [
            place[3]  # type: ignore[index]
            for place in kept
            if place[:3] == ("outbox", self._namespace, table)  # type: ignore[index]
            and place[3] != space  # type: ignore[index]
        ]


@broken("BLIND14-OX-01", "T4", "requeue looks for the event in every space", OutboxContract)
class RequeuesAnywhere(_Everywhere):
    async def requeue(self, op: Requeue, /) -> bool:
        if await super().requeue(op):
            return True
        for space in self._others(op.space):
            if await super().requeue(replace(op, space=space)):
                return True
        return False


@broken("BLIND14-OX-02", "T4", "what is parked is marked in whatever space", OutboxContract)
class MarksParkedAnywhere(_Everywhere):
    async def mark(self, op: Mark, /) -> None:
        await super().mark(op)
        for space in self._others(op.space):
            rows = self._rows("open", space)
            ids = tuple(
                one
                for one in op.event_ids
                if one in rows and rows[one].status is EventStatus.PARKED
            )
            await super().mark(Mark(space, ids))


@broken("BLIND14-OX-03", "T4", "an id that any space has processed is known", OutboxContract)
class ProcessedAreKnownToAll(_Everywhere):
    def _add(self, space: str, event: NewEvent) -> None:
        done = (self._rows("done", other) for other in self._others(space, "done"))
        if not any(event.event_id in rows for rows in done):
            super()._add(space, event)


@broken("BLIND14-OX-04", "T4", "an owner's claims are kept by id in every space", OutboxContract)
class KeepsAnywhere(_Everywhere):
    async def keep(self, op: KeepEvents, /) -> None:
        await super().keep(op)
        for space in self._others(op.space):
            rows, own = self._rows("open", space), self._rows("open", op.space)
            gone = tuple(one for one in op.event_ids if one in rows and one in own)
            await super().keep(replace(op, space=space, event_ids=gone))


@broken("BLIND14-OX-05", "T4", "what is purged is purged by id from every space", OutboxContract)
class PurgesByIds(_Everywhere):
    async def purge(self, op: Purge, /) -> int:
        before = set(self._rows("done", op.space))
        count = await super().purge(op)
        gone = before - set(self._rows("done", op.space))
        for space in self._others(op.space, "done"):
            for event_id in gone:
                self._rows("done", space).pop(event_id, None)
        return count


@broken("BLIND14-OX-06", "T4", "failures are counted by owner and id alone", OutboxContract)
class FailsAnywhere(_Everywhere):
    async def fail(self, op: Fail, /) -> None:
        before = self._rows("open", op.space).get(op.event_id)
        await super().fail(op)
        if before is None or before.owner != op.owner:
            return
        for space in self._others(op.space):
            await super().fail(replace(op, space=space))


@broken("BLIND14-OX-07", "T4", "two services share the ids that are parked", OutboxContract)
class RequeuesForOtherServices(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        for place, rows in list(self._store._tables.items()):
            if place[0] == "outbox" and place[2:] == ("open", op.space):  # type: ignore[index]
                row = rows.get(op.event_id)
                if row is not None and row.status is EventStatus.PARKED:
                    again = replace(row, status=EventStatus.PENDING, attempts=0, ready_at=0.0)
                    rows[op.event_id] = again
                    self._tell()
                    return True
        return await super().requeue(op)


def _topics(self: Any, op: Any) -> list[str]:
    return [name for name in list(self._store.rows(self._table)) if name != op.topic]


@broken("BLIND14-MS-01", "T4", "a receipt is good in every group of its topic", MessagingContract)
class ReceiptOfTopic(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        if await super().ack(op):
            return True
        groups = list((await self._topic(op.topic)).groups)
        return any([await super(ReceiptOfTopic, self).ack(replace(op, group=g)) for g in groups])


@broken("BLIND14-MS-02", "T4", "a receipt names its delivery in every topic", MessagingContract)
class NacksAnywhere(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        places = [op.topic, *_topics(self, op)]
        return any([await super(NacksAnywhere, self).nack(replace(op, topic=t)) for t in places])


@broken("BLIND14-MS-03", "T4", "leases are prolonged by receipt in any group", MessagingContract)
class ExtendsAnywhere(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        found = await super().extend(op)
        for name in list((await self._topic(op.topic)).groups):
            if name != op.group:
                found += await super().extend(replace(op, group=name))
        return found


@broken("BLIND14-MS-04", "T4", "schedules are taken back by id alone", MessagingContract)
class CancelsAnywhere(MemoryMessaging):
    async def cancel(self, op: Cancel, /) -> bool:
        places = [op.topic, *_topics(self, op)]
        return any(
            [await super(CancelsAnywhere, self).cancel(replace(op, topic=t)) for t in places]
        )


@broken("BLIND14-MS-05", "T2", "letters that are named are redriven to all", MessagingContract)
class RedrivesNamedToAll(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        return await super().redrive(replace(op, group=None) if op.ids else op)


@broken("BLIND14-MS-06", "T4", "letters are redriven by id from every topic", MessagingContract)
class RedrivesFromEverywhere(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        count = await super().redrive(op)
        if op.ids and not count:
            for topic in _topics(self, op):
                count += await super().redrive(replace(op, topic=topic))
        return count


@broken("BLIND14-MS-07", "T4", "a receipt makes a letter wherever it is lent", MessagingContract)
class KillsAnywhere(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        if await super().kill(op):
            return True
        for (_, *service), topics in list(_tables_of(self)):
            for topic in list(topics):
                other = MemoryMessaging(self._store, *service)
                if await other.kill(replace(op, topic=topic)):
                    return True
        return False


def _tables_of(self: MemoryMessaging) -> Iterator[tuple[Any, Any]]:
    for place, rows in list(self._store._tables.items()):
        if place[0] == "messaging":  # type: ignore[index]
            yield place, rows


@broken(
    "BLIND14-MS-08", "T4", "letters of a page after the first are of any topic", MessagingContract
)
class LaterPagesOfAll(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        if op.cursor is None or page.letters:
            return page
        for topic in _topics(self, op):
            page = await super().dead_letters(replace(op, topic=topic))
            if page.letters:
                return page
        return page


@broken("BLIND14-MS-09", "T4", "an id that is scheduled anywhere is known", MessagingContract)
class ScheduledAreKnownToAll(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        known = {
            one
            for _, topics in _tables_of(self)
            for topic in topics.values()
            for one in topic._cancellable
        }
        left = tuple(one for one in op.messages if one.id not in known)
        await super().publish(replace(op, messages=left))


@broken("BLIND14-OX-08", "T4", "the page after an event is its space's", OutboxContract)
class PagesFollowTheEvent(_Everywhere):
    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        found = await super().list_events(op)
        if found or op.after is None or op.after in self._rows("open", op.space):
            return found
        for space in self._others(op.space):
            if op.after in self._rows("open", space):
                return await super().list_events(replace(op, space=space))
        return found


@broken("BLIND14-OX-09", "T4", "what any space has claimed is claimed", OutboxContract)
class ClaimsOfAllSpaces(_Everywhere):
    async def claim(self, op: ClaimEvents, /) -> tuple[EventRecord, ...]:
        found, now = await super().claim(op), self._now()
        busy = {
            event_id
            for space in self._others(op.space)
            for event_id, row in self._rows("open", space).items()
            if row.claimed_until > now and row.owner != op.owner
        }
        await self.keep(KeepEvents(op.space, op.owner, tuple(busy), 0.0))
        return tuple(one for one in found if one.event_id not in busy)
