"""outbox drivers that are wrong on purpose."""

from __future__ import annotations

import asyncio
import itertools
import time
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
from omnicloud.contracts.outbox.models import (
    EventRecord,
    EventStatus,
    OutboxFeature,
    OutboxLag,
    OutboxLimits,
)
from omnicloud.core.operation import Feature
from omnicloud.errors import InternalError
from omnicloud.memory.outbox import FEATURES, MemoryOutbox
from omnicloud.memory.store import MemoryTransaction
from omnicloud_tck.outbox import OutboxContract

Records = tuple[EventRecord, ...]


def outbox(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, OutboxContract)


class _Rereading(MemoryOutbox):
    """Answers with another list than is stored."""

    def changed(self, op: ListEvents, found: Records) -> Records:
        return found

    async def list_events(self, op: ListEvents, /) -> Records:
        return self.changed(op, await super().list_events(op))


@outbox("OX01", "T0", "events are never saved")
class SavesNothing(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        await self._turn()


@outbox("OX02", "T0", "one sequence for all aggregates")
class OneSequence(MemoryOutbox):
    def _rows(self, table: str, space: str) -> Any:
        rows = super()._rows(table, space)
        return _One(rows) if table == "numbers" else rows


class _One(dict[Any, Any]):
    """All keys are one."""

    def __init__(self, rows: Any) -> None:
        super().__init__()
        self._all = rows

    def get(self, key: Any, default: Any = None) -> Any:
        return self._all.get("all", default)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._all["all"] = value


@outbox("OX03", "T0", "an aggregate's events come newest first")
class NewestFirst(_Rereading):
    def changed(self, op: ListEvents, found: Records) -> Records:
        return found if op.aggregate_key is None else found[::-1]


@outbox("OX04", "T0", "marking does nothing")
class MarksNothing(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await self._turn()


@outbox("OX05", "T1", "the message key is lost")
class NoMessageKey(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        await super().save(replace(op, event=replace(op.event, message_key=None)))


@outbox("OX06", "T1", "payloads that are not UTF-8 are replaced")
class Utf8Only(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        payload = op.event.payload.decode(errors="replace").encode()
        await super().save(replace(op, event=replace(op.event, payload=payload)))


@outbox("OX07", "T1", "numbers start again at 1 when all is processed")
class StartsAgain(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        await self._turn()
        key = op.event.aggregate_key
        open_ = self._rows("open", op.space).values()
        last = max(
            (row.sequence for row in open_ if row.event.aggregate_key == key and key), default=0
        )
        if key is not None:
            self._rows("numbers", op.space)[key] = last
        await super().save(op)


@outbox("OX08", "T1", "marking an unknown event raises")
class UnknownRaises(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await self._turn()
        for event_id in op.event_ids:
            if event_id not in self._rows("open", op.space):
                raise KeyError(event_id)
        await super().mark(op)


@outbox("OX09", "T1", "aggregate keys are repeated once for each event")
class RepeatsKeys(MemoryOutbox):
    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        await self._store.reading()
        rows = self._rows("open", op.space).values()
        keys = sorted(row.event.aggregate_key for row in rows if row.event.aggregate_key)
        return tuple(keys) if op.after is None else ()


@outbox("OX10", "T1", "keys of aggregates that are all processed are still listed")
class ListsTheProcessed(MemoryOutbox):
    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        await self._store.reading()
        keys = sorted(self._rows("numbers", op.space))
        return tuple(keys) if op.after is None else ()


@outbox("OX11", "T1", "aggregate events are in the unordered query too")
class MixesQueries(_Rereading):
    async def list_events(self, op: ListEvents, /) -> Records:
        if op.aggregate_key is None and op.status is EventStatus.PENDING:
            return await super().list_events(replace(op, every=True))
        return await super().list_events(op)


@outbox("OX12", "T1", "unordered events are served newest first")
class Starves(_Rereading):
    async def list_events(self, op: ListEvents, /) -> Records:
        found = await super().list_events(replace(op, limit=10_000))
        newest = found[::-1] if op.aggregate_key is None and not op.every else found
        return newest[: op.limit]


@outbox("OX13", "T1", "marking marks all events of the same payload")
class MarksPayload(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await self._turn()
        rows = self._rows("open", op.space)
        payloads = {rows[one].event.payload for one in op.event_ids if one in rows}
        same = tuple(one for one, row in rows.items() if row.event.payload in payloads)
        await super().mark(replace(op, event_ids=same))


@outbox("OX14", "T1", "marking one marks its whole aggregate")
class MarksAggregate(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await self._turn()
        rows = self._rows("open", op.space)
        keys = {rows[one].event.aggregate_key for one in op.event_ids if one in rows} - {None}
        same = tuple(one for one, row in rows.items() if row.event.aggregate_key in keys)
        await super().mark(replace(op, event_ids=(*op.event_ids, *same)))


@outbox("OX15", "T2", "concurrent saves of one aggregate get the same number")
class RacingNumbers(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        numbers = self._rows("numbers", op.space)
        before = numbers.get(op.event.aggregate_key, 0)
        await asyncio.sleep(0.001)
        if op.event.aggregate_key is not None:
            numbers[op.event.aggregate_key] = before
        await super().save(op)


@outbox("OX16", "T1", "unordered events ignore the limit")
class NoLimit(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> Records:
        return await super().list_events(replace(op, limit=10_000))


@outbox("OX17", "T3", "a claim never ends")
class ClaimedForEver(MemoryOutbox):
    async def claim(self, op: Claim, /) -> Records:
        return await super().claim(replace(op, lease=1e9))


@outbox("OX18", "T1", "only the first 1000 events of an aggregate are found")
class FirstThousand(_Rereading):
    def changed(self, op: ListEvents, found: Records) -> Records:
        return () if op.after is not None else found


@outbox("OX19", "T3", "events live in the client's memory")
class InTheClient(MemoryOutbox):
    _numbers = itertools.count()

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._namespace = f"client-{next(self._numbers)}"

    def within(self, transaction: object, /) -> MemoryOutbox:
        inside = super().within(transaction)
        inside._namespace = self._namespace
        return inside


@outbox("OX20", "T1", "a repeated save saves again")
class SavesAgain(MemoryOutbox):
    _count = itertools.count()

    async def save(self, op: Save, /) -> None:
        rows = (*self._rows("open", op.space), *self._rows("done", op.space))
        if op.event.event_id in rows:
            again = f"{op.event.event_id}-{next(self._count)}"
            op = replace(op, event=replace(op.event, event_id=again))
        await super().save(op)


@outbox("OX21", "T1", "it says a limit that it does not keep")
class FalseLimit(MemoryOutbox):
    @property
    def limits(self) -> OutboxLimits:
        return OutboxLimits(payload_max_bytes=1 << 20)

    async def save(self, op: Save, /) -> None:
        if len(op.event.payload) > 256 << 10:
            raise InternalError("row too large")
        await super().save(op)


@outbox("XOX01", "T3", "a rolled-back transaction uses up numbers")
class GapAfterRollback(MemoryOutbox):
    def _rows(self, table: str, space: str) -> Any:
        if table == "numbers":
            return self._store.rows(("outbox", self._namespace, table, space))
        return super()._rows(table, space)


@outbox("XOX02", "T3", "a transaction's events are saved outside of it")
class OutsideTheTransaction(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        if self._transaction is None:
            await super().save(op)
            return
        await self._store.reading()
        outside = MemoryOutbox(self._store, self._namespace)
        outside._add(op.space, op.event)


@outbox("XOX03", "T2", "a transaction takes its numbers from what was there when it began")
class RacingTransactions(MemoryOutbox):
    async def begin(self, op: Any, /) -> MemoryTransaction:
        await self._store.reading()
        return _Merging(self._store, 1e9)


class _Merging(MemoryTransaction):
    """Puts its rows over what others have committed meanwhile."""

    async def commit(self) -> None:
        await asyncio.sleep(0)
        for table, rows in self._tables.items():
            self._store.rows(table).update(rows)
        self._end.set()


@outbox("XOX04", "T2", "two relays are given the same events")
class NoClaims(MemoryOutbox):
    async def claim(self, op: Claim, /) -> Records:
        found = await super().claim(op)
        rows = self._rows("open", op.space)
        for one in found:
            rows[one.event_id] = replace(rows[one.event_id], claimed_until=0.0)
        return found


@outbox("XOX05", "T2", "an aggregate's events are claimed one by one by several owners")
class AggregatesShared(MemoryOutbox):
    async def claim(self, op: Claim, /) -> Records:
        await self._turn()
        rows, now = self._rows("open", op.space), self._now()
        free = [
            row
            for row in rows.values()
            if row.claimed_until <= now and row.ready_at <= now and row.status == "pending"
        ][: op.most]
        for row in free:
            rows[row.event.event_id] = replace(row, owner=op.owner, claimed_until=now + op.lease)
        if not free and op.wait:
            await asyncio.sleep(min(op.wait, 0.1))
        return tuple(row.record() for row in free)


@outbox("XOX06", "T1", "a failed event comes back at once")
class RetryAtOnce(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        await super().fail(replace(op, delay=0.0))


@outbox("XOX07", "T1", "parked events stay pending")
class NeverParks(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        await super().fail(replace(op, park=False))


@outbox("XOX08", "T1", "parking forgets the event")
class ParkingDrops(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        await super().fail(op)
        if op.park:
            await super().mark(Mark(op.space, (op.event_id,)))


@outbox("XOX09", "T3", "a waiting claim polls only once a second and a half")
class PollsSlowly(MemoryOutbox):
    async def claim(self, op: Claim, /) -> Records:
        until = self._now() + op.wait
        while True:
            found = await super().claim(replace(op, wait=0.0))
            if found or self._now() >= until:
                return found
            await self._store.clock.sleep(min(1.5, until - self._now()))


@outbox("XOX10", "T1", "requeue says yes and does nothing")
class RequeuesNothing(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        await self._turn()
        return op.event_id in self._rows("open", op.space)


@outbox("XOX11", "T2", "anyone may give a claim free")
class AnyoneFrees(MemoryOutbox):
    def _claimed(self, space: str, event_id: str, owner: str) -> Any:
        return self._rows("open", space).get(event_id)


@outbox("XOX12", "T3", "keeping a claim does nothing")
class KeepsNothing(MemoryOutbox):
    async def keep(self, op: Keep, /) -> None:
        await (super().keep(op) if op.lease == 0 else self._turn())


@outbox("XOX13", "T1", "lag is always 0")
class NoLag(MemoryOutbox):
    async def lag(self, op: Lag, /) -> OutboxLag:
        await self._turn()
        return OutboxLag(0, 0, 0.0)


@outbox("XOX14", "T1", "purging deletes pending events too")
class PurgesAll(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        count = await super().purge(op)
        self._rows("open", op.space).clear()
        return count


@outbox("XOX15", "T1", "purging ignores the age")
class PurgesYoung(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        return await super().purge(replace(op, older_than=0.0))


@outbox("XOX16", "T1", "purging forgets the numbers")
class PurgesNumbers(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        self._rows("numbers", op.space).clear()
        return await super().purge(op)


@outbox("XOX17", "T1", "failures are not counted")
class NoAttempts(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        await super().fail(op)
        rows = self._rows("open", op.space)
        if op.event_id in rows:
            rows[op.event_id] = replace(rows[op.event_id], attempts=0)


@outbox("XTN03", "T4", "the outbox forgets the tenant")
class NoTenant(MemoryOutbox):
    def _rows(self, table: str, space: str) -> Any:
        return super()._rows(table, "all")


@outbox("XOX18", "T3", "it says durable, and a crash takes what a client saved")
class LostInCrash(InTheClient):
    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES | {OutboxFeature.DURABLE}


@outbox("XOX19", "T1", "anything is taken for a transaction")
class AnyTransaction(MemoryOutbox):
    def within(self, transaction: object, /) -> MemoryOutbox:
        return super().within(transaction) if isinstance(transaction, MemoryTransaction) else self


@outbox("OX22", "T2", "every call blocks the event loop for 20 ms")
class Blocks(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> Records:
        time.sleep(0.02)
        return await super().list_events(op)


@outbox("OX23", "T3", "leaks one task per call")
class LeaksTasks(MemoryOutbox):
    leaked: list[asyncio.Task[None]] = []

    async def list_events(self, op: ListEvents, /) -> Records:
        self.leaked.append(asyncio.ensure_future(asyncio.sleep(1e6)))
        return await super().list_events(op)

    async def aclose(self) -> None:
        while self.leaked:
            self.leaked.pop().cancel()
