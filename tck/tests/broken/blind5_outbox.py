"""Outboxes that are wrong in the ways of a table and a few statements."""

from __future__ import annotations

from collections.abc import Callable
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
    Purge,
    Save,
)
from omnicloud.contracts.outbox.models import EventRecord, EventStatus, OutboxLag
from omnicloud.memory.outbox import MemoryOutbox, _Row
from omnicloud_tck.outbox import OutboxContract

Records = tuple[EventRecord, ...]


@broken("B5-OX-01", "T0", "a claim is not given free by a lease of nothing", OutboxContract)
class KeepsForGood(MemoryOutbox):
    async def keep(self, op: Keep, /) -> None:
        if op.lease > 0:
            await super().keep(op)


@broken("B5-OX-02", "T1", "without a message key the aggregate's is taken", OutboxContract)
class BorrowsTheKey(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        event = op.event
        key = event.aggregate_key if event.message_key is None else event.message_key
        await super().save(replace(op, event=replace(event, message_key=key)))


@broken("B5-OX-03", "T1", "aggregates are sorted as in a dictionary", OutboxContract)
class SortsAsWords(MemoryOutbox):
    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        keys = await super().list_aggregates(replace(op, limit=1_000_000))
        return tuple(sorted(keys, key=str.casefold)[: op.limit])


@broken("B5-OX-04", "T1", "the lag is that of parked events too", OutboxContract)
class LagsForTheParked(MemoryOutbox):
    async def lag(self, op: Lag, /) -> OutboxLag:
        lag = await super().lag(op)
        born = [row.born for row in self._rows("open", op.space).values()]
        return replace(lag, oldest_seconds=self._now() - min(born) if born else 0.0)


@broken("B5-OX-05", "T1", "an event that is saved twice uses up a number", OutboxContract)
class BurnsNumbers(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        event, before = op.event, self._known(op)
        await super().save(op)
        if before and event.aggregate_key is not None:
            numbers = self._rows("numbers", op.space)
            numbers[event.aggregate_key] = numbers.get(event.aggregate_key, 0) + 1

    def _known(self, op: Save) -> bool:
        tables = [self._rows(table, op.space) for table in ("open", "done")]
        return any(op.event.event_id in table for table in tables)


class _Claims(MemoryOutbox):
    """Claims as its subclasses would have them."""

    def _free(self, op: Claim, rows: dict[str, _Row]) -> list[_Row]:
        raise AssertionError

    async def claim(self, op: Claim, /) -> Records:
        until = self._now() + op.wait
        while True:
            await self._turn()
            now, rows = self._now(), self._rows("open", op.space)
            found = self._free(op, rows)
            for row in found:
                claimed = replace(row, owner=op.owner, claimed_until=now + op.lease)
                rows[row.event.event_id] = claimed
            if found or now >= until:
                return tuple(row.record() for row in found)
            await self._store.changed(min(0.1, until - now))


def _chosen(
    rows: list[_Row], most: int, held: set[Any], free: Callable[[_Row], bool]
) -> list[_Row]:
    """As the reference has it, of what ``free`` says."""
    held, found = set(held) - {None}, list[_Row]()
    for row in rows:
        key = row.event.aggregate_key
        if key in held:
            continue
        if row.status is EventStatus.PENDING and free(row):
            found.append(row)
        elif key is not None:
            held.add(key)
    return found[:most]


@broken("B5-OX-06", "T2", "who has claimed of an aggregate may claim its next", OutboxContract)
class ClaimsOn(_Claims):
    def _free(self, op: Claim, rows: dict[str, _Row]) -> list[_Row]:
        now, every = self._now(), list(rows.values())
        held = {
            row.event.aggregate_key
            for row in every
            if row.status is EventStatus.PARKED
            or (row.claimed_until > now and row.owner != op.owner)
        }
        every = [row for row in every if row.claimed_until <= now or row.owner != op.owner]
        return _chosen(
            every, op.most, held, lambda row: row.claimed_until <= now and row.ready_at <= now
        )


@broken("B5-OX-07", "T2", "the wait for the next attempt is known to one client", OutboxContract)
class WaitsAlone(_Claims):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._later: dict[str, float] = {}

    async def fail(self, op: Fail, /) -> None:
        claimed = self._claimed(op.space, op.event_id, op.owner) is not None
        await super().fail(replace(op, delay=0.0))
        if claimed:
            self._later[op.event_id] = self._now() + op.delay

    def _free(self, op: Claim, rows: dict[str, _Row]) -> list[_Row]:
        now, later = self._now(), self._later
        held = {
            row.event.aggregate_key
            for row in rows.values()
            if row.claimed_until > now or row.status is EventStatus.PARKED
        }
        return _chosen(
            list(rows.values()),
            op.most,
            held,
            lambda row: row.claimed_until <= now and later.get(row.event.event_id, 0.0) <= now,
        )


@broken("B5-OX-08", "T2", "of the oldest events, those that are free are claimed", OutboxContract)
class LooksNoFurther(_Claims):
    def _free(self, op: Claim, rows: dict[str, _Row]) -> list[_Row]:
        now = self._now()
        held = {
            row.event.aggregate_key
            for row in rows.values()
            if row.claimed_until > now or row.status is EventStatus.PARKED
        }
        oldest = [row for row in rows.values() if row.status is EventStatus.PENDING][: op.most]
        return _chosen(
            oldest, op.most, held, lambda row: row.claimed_until <= now and row.ready_at <= now
        )


@broken("B5-OX-09", "T3", "the wait for the next attempt is by the wall clock", OutboxContract)
class WaitsByTheWall(_Claims):
    async def fail(self, op: Fail, /) -> None:
        row = self._claimed(op.space, op.event_id, op.owner)
        await super().fail(op)
        if row is not None:
            rows, until = self._rows("open", op.space), self._store.clock.wall() + op.delay
            rows[op.event_id] = replace(rows[op.event_id], ready_at=until)

    def _free(self, op: Claim, rows: dict[str, _Row]) -> list[_Row]:
        now, wall = self._now(), self._store.clock.wall()
        held = {
            row.event.aggregate_key
            for row in rows.values()
            if row.claimed_until > now or row.status is EventStatus.PARKED
        }
        return _chosen(
            list(rows.values()),
            op.most,
            held,
            lambda row: row.claimed_until <= now and row.ready_at <= wall,
        )


@broken("B5-OX-10", "T3", "the age at a purge counts from the save", OutboxContract)
class PurgesByBirth(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        await self._turn()
        done, before = self._rows("done", op.space), self._now() - op.older_than
        old = [event_id for event_id, row in done.items() if row.born <= before][: op.most]
        for event_id in old:
            del done[event_id]
        return len(old)


@broken("B5-OX-11", "T3", "a claim that ended lives on while nobody took it", OutboxContract)
class Revives(MemoryOutbox):
    def _claimed(self, space: str, event_id: str, owner: str) -> _Row | None:
        row: _Row | None = self._rows("open", space).get(event_id)
        return None if row is None or row.owner != owner else row


@broken(
    "B5-OX-12", "T3", "after a purge of all its events an aggregate begins anew", OutboxContract
)
class BeginsAnew(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        count = await super().purge(op)
        rows = [*self._rows("open", op.space).values(), *self._rows("done", op.space).values()]
        numbers = self._rows("numbers", op.space)
        for key in set(numbers) - {row.event.aggregate_key for row in rows}:
            del numbers[key]
        return count


class _Spaces(MemoryOutbox):
    """Knows which other spaces there are."""

    def _others(self, kind: str, space: str) -> list[str]:
        tables: list[Any] = [table for table in self._store._tables if isinstance(table, tuple)]
        found = [table[2:] for table in tables if table[:2] == ("outbox", self._namespace)]
        return [other for of, other in found if of == kind and other != space]


@broken("B5-OX-13", "T4", "a list of all events is one of all spaces", OutboxContract)
class ListsAllSpaces(_Spaces):
    async def list_events(self, op: ListEvents, /) -> Records:
        found = list(await super().list_events(op))
        if op.every and op.after is None:
            for other in self._others("open", op.space):
                found += await super().list_events(replace(op, space=other))
        return tuple(found[: op.limit])


@broken("B5-OX-14", "T4", "a purge takes the events of all spaces", OutboxContract)
class PurgesAllSpaces(_Spaces):
    async def purge(self, op: Purge, /) -> int:
        count = await super().purge(op)
        for other in self._others("done", op.space):
            await super().purge(replace(op, space=other))
        return count
