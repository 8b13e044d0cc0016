"""Drivers for which the trouble that begins while somebody waits is something else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import Receive
from omnicloud.contracts.messaging.models import Delivery
from omnicloud.contracts.outbox.driver import Claim
from omnicloud.contracts.outbox.models import EventRecord
from omnicloud.errors import CorruptedError, NotFoundError, UnavailableError
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.outbox import OutboxContract


@broken(
    "BLIND14-MS-33", "T3", "an outage in a wait is told as a group that is gone", MessagingContract
)
class OutageIsNoGroup(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        asked = self._now()
        try:
            return await super().receive(op)
        except UnavailableError:
            if self._now() == asked:
                raise
            raise NotFoundError("the topic has no such group", hint="subscribe it") from None


@broken(
    "BLIND14-MS-34", "T3", "who waited through an outage begins its group anew", MessagingContract
)
class BeginsAnew(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        asked = self._now()
        try:
            return await super().receive(op)
        except UnavailableError:
            if self._now() > asked:
                topic = self._store.rows(self._table).get(op.topic)
                group = topic and topic.groups.get(op.group)
                for entry in list(group.entries.values()) if group else ():
                    if not entry.attempt:
                        group.remove(entry)
            raise


@broken(
    "BLIND14-MS-35", "T3", "who waits is lent again what was lent in an outage", MessagingContract
)
class LendsWhatItRemembers(MemoryMessaging):
    _last: tuple[Delivery, ...] = ()

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        asked = self._now()
        try:
            self._last = await super().receive(op) or self._last
        except UnavailableError:
            if self._now() > asked and self._last:
                return self._last
            raise
        return self._last if self._last and self._now() == asked else await self._none()

    async def _none(self) -> tuple[Delivery, ...]:
        last, self._last = self._last, ()
        return last


@broken("BLIND14-MS-37", "T3", "a wait that an outage ends counts as an attempt", MessagingContract)
class OutageCounts(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        asked = self._now()
        try:
            return await super().receive(op)
        except UnavailableError:
            topic = self._store.rows(self._table).get(op.topic)
            group = topic and topic.groups.get(op.group)
            if self._now() > asked and group:
                for entry in group.entries.values():
                    entry.attempt += 1
            raise


@broken("BLIND14-MS-38", "T3", "who waited through an outage is deaf after it", MessagingContract)
class DeafAfterwards(MemoryMessaging):
    _deaf = False

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        asked = self._now()
        if self._deaf:
            await asyncio.sleep(op.wait)
            return ()
        try:
            return await super().receive(op)
        except UnavailableError:
            self._deaf = self._now() > asked
            raise


@broken("BLIND14-MS-39", "T3", "trouble in a wait is told as a broken message", MessagingContract)
class OutageIsDamage(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        asked = self._now()
        try:
            return await super().receive(op)
        except UnavailableError:
            if self._now() == asked:
                raise
            raise CorruptedError("the answer is no message") from None


@broken(
    "BLIND14-MS-40", "T3", "schedules due in an outage are gone for who waits", MessagingContract
)
class DueInOutageIsLost(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        asked = self._now()
        try:
            return await super().receive(op)
        except UnavailableError:
            topic = self._store.rows(self._table).get(op.topic)
            if self._now() > asked and topic:
                topic._scheduled.clear()
                topic._cancellable.clear()
            raise


class _Interrupted(MemoryOutbox):
    """A claim whose wait an outage ends."""

    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        asked = self._now()
        try:
            return await super().claim(op)
        except UnavailableError:
            if self._now() > asked:
                return self._ended(op)
            raise

    def _ended(self, op: Claim) -> tuple[EventRecord, ...]:
        raise NotImplementedError


@broken(
    "BLIND14-OX-31", "T3", "a wait that an outage ends answers what it can read", OutboxContract
)
class AnswersFromMemory(_Interrupted):
    def _ended(self, op: Claim) -> tuple[EventRecord, ...]:
        rows: list[Any] = list(self._rows("open", op.space).values())
        return tuple(row.record() for row in rows[: op.most])


@broken(
    "BLIND14-OX-32", "T3", "a wait that an outage ends claims what it never tells", OutboxContract
)
class ClaimsUntold(_Interrupted):
    def _ended(self, op: Claim) -> tuple[EventRecord, ...]:
        rows = self._rows("open", op.space)
        for event_id, row in list(rows.items())[: op.most]:
            until = self._now() + 86_400.0
            rows[event_id] = replace(row, owner=op.owner, claimed_until=until)
        return ()


@broken("BLIND14-OX-33", "T3", "a wait that an outage ends counts as a failure", OutboxContract)
class OutageFails(_Interrupted):
    def _ended(self, op: Claim) -> tuple[EventRecord, ...]:
        rows = self._rows("open", op.space)
        for event_id, row in list(rows.items())[: op.most]:
            rows[event_id] = replace(row, attempts=row.attempts + 1)
        raise UnavailableError("the store is away")


@broken("BLIND14-OX-34", "T3", "a wait that an outage ends is told as damage", OutboxContract)
class OutageIsCorruption(_Interrupted):
    def _ended(self, op: Claim) -> tuple[EventRecord, ...]:
        raise CorruptedError("the answer is no event")


@broken(
    "BLIND14-OX-35", "T3", "who waited through an outage is given nothing after it", OutboxContract
)
class DeafRelay(_Interrupted):
    _deaf = False

    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        if self._deaf:
            await asyncio.sleep(op.wait)
            return ()
        return await super().claim(op)

    def _ended(self, op: Claim) -> tuple[EventRecord, ...]:
        self._deaf = True
        raise UnavailableError("the store is away")


@broken("BLIND14-OX-36", "T3", "claims of others end when a wait is interrupted", OutboxContract)
class OutageEndsClaims(_Interrupted):
    def _ended(self, op: Claim) -> tuple[EventRecord, ...]:
        rows = self._rows("open", op.space)
        for event_id, row in list(rows.items()):
            rows[event_id] = replace(row, owner="", claimed_until=0.0)
        raise UnavailableError("the store is away")


@broken(
    "BLIND14-OX-37", "T3", "an interrupted wait gives up on what comes after it", OutboxContract
)
class SkipsWhatCame(_Interrupted):
    def _ended(self, op: Claim) -> tuple[EventRecord, ...]:
        rows, done = self._rows("open", op.space), self._rows("done", op.space)
        for event_id, row in list(rows.items()):
            if row.claimed_until <= self._now() and row.ready_at <= self._now():
                done[event_id] = rows.pop(event_id)
        return ()
