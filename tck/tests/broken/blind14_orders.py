"""Drivers that tell what comes from several places one place after the other."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import DeadLetters
from omnicloud.contracts.messaging.models import DeadPage
from omnicloud.contracts.outbox.driver import Claim as ClaimEvents
from omnicloud.contracts.outbox.driver import Fail, ListEvents
from omnicloud.contracts.outbox.models import EventRecord, EventStatus
from omnicloud.contracts.sagas.driver import Claim, ListSagas
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.memory.messaging import MemoryMessaging, _letter
from omnicloud.memory.outbox import MemoryOutbox, _claimable
from omnicloud.memory.queue import Dead
from omnicloud.memory.sagas import MemorySagas, _is_free
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.sagas import SagaContract


class _Sorted(MemoryMessaging):
    """Tells dead letters in an order of its own."""

    def _place(self, one: Dead) -> tuple[Any, ...]:
        raise NotImplementedError

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        after = json.loads(op.cursor) if op.cursor else None
        letters = sorted((await self._topic(op.topic)).dead(op.group), key=self._place)
        if after is not None:
            letters = [one for one in letters if [*self._place(one)] > after]
        page = letters[: op.limit]
        cursor = json.dumps(self._place(page[-1])) if len(letters) > op.limit else None
        return DeadPage(tuple(map(_letter, page)), cursor)


@broken("BLIND14-MS-10", "T1", "letters of all groups are told group by group", MessagingContract)
class LettersByGroup(_Sorted):
    def _place(self, one: Dead) -> tuple[Any, ...]:
        return (one.group, one.number)


@broken("BLIND14-MS-11", "T1", "letters are told as they were published", MessagingContract)
class LettersByPublishing(_Sorted):
    def _place(self, one: Dead) -> tuple[Any, ...]:
        return (one.stored.number, one.number)


@broken("BLIND14-MS-12", "T1", "letters are told by the attempts that they took", MessagingContract)
class LettersByAttempts(_Sorted):
    def _place(self, one: Dead) -> tuple[Any, ...]:
        return (one.attempts, one.number)


@broken("BLIND14-MS-13", "T1", "letters are told by the second of their death", MessagingContract)
class LettersBySecond(_Sorted):
    def _place(self, one: Dead) -> tuple[Any, ...]:
        return (int(one.died_at), one.stored.id, one.number)


@broken("BLIND14-MS-14", "T1", "each page is put together group by group", MessagingContract)
class PagesByGroup(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        return replace(page, letters=tuple(sorted(page.letters, key=lambda one: one.group)))


@broken("BLIND14-MS-15", "T1", "of all groups the newest deaths are told first", MessagingContract)
class NewestOfAll(_Sorted):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        topic = await self._topic(op.topic)
        if op.group is not None or len({one.group for one in topic.dead(None)}) < 2:
            return await MemoryMessaging.dead_letters(self, replace(op, cursor=_number(op.cursor)))
        return await super().dead_letters(op)

    def _place(self, one: Dead) -> tuple[Any, ...]:
        return (-one.number,)


def _number(cursor: str | None) -> str | None:
    return str(abs(json.loads(cursor)[0])) if cursor and cursor.startswith("[") else cursor


class _Listing(MemoryOutbox):
    """Tells all events in an order of its own."""

    def _order(self, records: Iterable[EventRecord]) -> list[EventRecord]:
        raise NotImplementedError

    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        if not op.every:
            return await super().list_events(op)
        every = replace(op, after=None, limit=100_000)
        found = self._order(await super().list_events(every))
        ids = [one.event_id for one in found]
        first = ids.index(op.after) + 1 if op.after in ids else 0
        return tuple(found[first : first + op.limit])


@broken("BLIND14-OX-10", "T1", "all events are told aggregate by aggregate", OutboxContract)
class ListsByAggregate(_Listing):
    def _order(self, records: Iterable[EventRecord]) -> list[EventRecord]:
        return sorted(records, key=lambda one: (one.aggregate_key or "", one.sequence_id or 0))


@broken("BLIND14-OX-11", "T1", "those of no aggregate are told after the others", OutboxContract)
class UnorderedLast(_Listing):
    def _order(self, records: Iterable[EventRecord]) -> list[EventRecord]:
        return sorted(records, key=lambda one: one.aggregate_key is None)


@broken("BLIND14-OX-12", "T1", "all events are told by their numbers", OutboxContract)
class ListsByNumber(_Listing):
    def _order(self, records: Iterable[EventRecord]) -> list[EventRecord]:
        return sorted(records, key=lambda one: one.sequence_id or 0)


@broken("BLIND14-OX-13", "T1", "what failed often is told after the others", OutboxContract)
class FailedLast(_Listing):
    def _order(self, records: Iterable[EventRecord]) -> list[EventRecord]:
        return sorted(records, key=lambda one: one.attempts)


class _Choosing(MemoryOutbox):
    """Claims in an order of its own."""

    def _order(self, row: Any) -> Any:
        raise NotImplementedError

    async def claim(self, op: ClaimEvents, /) -> tuple[EventRecord, ...]:
        until = self._now() + op.wait
        while True:
            await self._turn()
            now, rows = self._now(), self._rows("open", op.space)
            found = sorted(_claimable(rows, now, len(rows) + 1), key=self._order)[: op.most]
            for row in found:
                claimed = replace(row, owner=op.owner, claimed_until=now + op.lease)
                rows[row.event.event_id] = claimed
            if found or now >= until:
                return tuple(row.record() for row in found)
            await self._store.changed(min(until - now, 0.1))


@broken("BLIND14-OX-14", "T1", "events are claimed aggregate by aggregate", OutboxContract)
class ClaimsByAggregate(_Choosing):
    def _order(self, row: Any) -> Any:
        return (row.event.aggregate_key or "", row.number)


@broken("BLIND14-OX-15", "T1", "those of no aggregate are claimed first", OutboxContract)
class ClaimsUnorderedFirst(_Choosing):
    def _order(self, row: Any) -> Any:
        return (row.event.aggregate_key is not None, row.number)


@broken("BLIND14-OX-16", "T1", "what failed is claimed behind what did not", OutboxContract)
class ClaimsFailedLast(_Choosing):
    def _order(self, row: Any) -> Any:
        return (row.attempts, row.number)


@broken("BLIND14-OX-17", "T1", "what is parked is told in the order of its parking", OutboxContract)
class ParkedAsTheyFailed(_Listing):
    def _order(self, records: Iterable[EventRecord]) -> list[EventRecord]:
        found = list(records)
        if found and found[0].status is EventStatus.PARKED:
            parked = self._store.rows(("parked", self._namespace))
            found.sort(key=lambda one: parked.get(one.event_id, 0))
        return found

    async def fail(self, op: Fail, /) -> None:
        await super().fail(op)
        if op.park:
            self._store.rows(("parked", self._namespace))[op.event_id] = self._store.number()


class _Waiting(MemorySagas):
    """Leases in an order of its own."""

    def _order(self, row: Any, op: Claim) -> Any:
        raise NotImplementedError

    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        await self._store.turn()
        rows, now = self._rows(op.space), self._now()
        free = [row for row in rows.values() if _is_free(row, op, now)]
        chosen = sorted(free, key=lambda row: self._order(row, op))[: op.most]
        for row in chosen:
            leased = replace(row, owner=op.owner, leased_until=now + op.lease)
            rows[row.record.saga_id] = leased
        return tuple(row.record for row in chosen)


@broken("BLIND14-SA-07", "T1", "sagas are claimed status by status", SagaContract)
class ClaimsByStatus(_Waiting):
    def _order(self, row: Any, op: Claim) -> Any:
        return (op.statuses.index(row.record.status), row.written)


@broken("BLIND14-SA-08", "T1", "sagas that nobody ever leased are claimed first", SagaContract)
class NeverLeasedFirst(_Waiting):
    def _order(self, row: Any, op: Claim) -> Any:
        return (row.leased_until, row.written)


@broken("BLIND14-SA-09", "T1", "what an owner has already is claimed first", SagaContract)
class OwnFirst(_Waiting):
    def _order(self, row: Any, op: Claim) -> Any:
        return (row.owner != op.owner, row.written)


@broken("BLIND14-SA-10", "T1", "sagas whose worker died are claimed before new ones", SagaContract)
class LeftOnesFirst(_Waiting):
    def _order(self, row: Any, op: Claim) -> Any:
        return (not row.owner, row.written)


@broken("BLIND14-SA-11", "T1", "those updated often are claimed last", SagaContract)
class OldVersionsFirst(_Waiting):
    def _order(self, row: Any, op: Claim) -> Any:
        return (row.record.version, row.written)


@broken("BLIND14-SA-12", "T1", "sagas are listed by their step, then their id", SagaContract)
class ListsByStep(MemorySagas):
    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        found = await super().list_sagas(op)
        return tuple(sorted(found, key=lambda one: str(one.current_step or "")))
