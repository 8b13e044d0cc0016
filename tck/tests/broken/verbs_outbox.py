"""Outbox and sagas drivers that are wrong in one verb."""

from __future__ import annotations

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
from omnicloud.contracts.outbox.models import EventRecord, EventStatus, OutboxLag
from omnicloud.contracts.sagas.driver import Claim as ClaimSaga
from omnicloud.contracts.sagas.driver import Create, ListSagas, Update
from omnicloud.contracts.sagas.driver import Keep as KeepSaga
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.sagas import SagaContract


def _in(prefix: str, contract: Any) -> Any:
    return lambda number, tier, summary: broken(f"VERB-{prefix}-{number}", tier, summary, contract)


outbox = _in("OX", OutboxContract)
sagas = _in("SA", SagaContract)


@outbox("01", "T1", "saving an event again uses up a number")
class AgainNumbers(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        await self._turn()
        known = op.event.event_id in self._rows("open", op.space)
        key = op.event.aggregate_key
        if known and key is not None:
            numbers = self._rows("numbers", op.space)
            numbers[key] = numbers.get(key, 0) + 1
        await super().save(op)


@outbox("02", "T1", "saving a processed event again makes it pending")
class AgainPending(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        await self._turn()
        self._rows("done", op.space).pop(op.event.event_id, None)
        await super().save(op)


@outbox("03", "T1", "a parked event cannot be marked as processed")
class ParkedStays(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        rows = self._rows("open", op.space)
        ids = tuple(
            i for i in op.event_ids if i not in rows or rows[i].status is not EventStatus.PARKED
        )
        await super().mark(replace(op, event_ids=ids))


@outbox("04", "T1", "the lag's oldest counts parked events")
class LagParked(MemoryOutbox):
    async def lag(self, op: Lag, /) -> OutboxLag:
        lag = await super().lag(op)
        born = [row.born for row in self._rows("open", op.space).values()]
        return replace(lag, oldest_seconds=self._now() - min(born) if born else 0.0)


@outbox("05", "T1", "purging looks at when an event was saved, not marked")
class PurgeBySaved(MemoryOutbox):
    async def purge(self, op: Purge, /) -> int:
        await self._turn()
        done = self._rows("done", op.space)
        old = [k for k, row in done.items() if row.born <= self._now() - op.older_than]
        for k in old:
            del done[k]
        return len(old)


@outbox("06", "T1", "aggregates with only parked events are listed")
class ListsParked(MemoryOutbox):
    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        await self._store.reading()
        keys = {
            row.event.aggregate_key
            for row in self._rows("open", op.space).values()
            if row.event.aggregate_key is not None
        }
        return tuple(sorted(k for k in keys if op.after is None or k > op.after)[: op.limit])


@outbox("07", "T1", "marking many stops at one that is unknown")
class MarkStops(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        ids = []
        for event_id in op.event_ids:
            if event_id not in self._rows("open", op.space):
                break
            ids.append(event_id)
        await super().mark(replace(op, event_ids=tuple(ids)))


@outbox("08", "T1", "a requeued event waits its old delay")
class RequeueWaits(MemoryOutbox):
    async def fail(self, op: Fail, /) -> None:
        await super().fail(op)
        if op.park:
            self._store.rows("delays")[op.event_id] = self._now() + 60.0

    async def requeue(self, op: Requeue, /) -> bool:
        done = await super().requeue(op)
        if done:
            rows = self._rows("open", op.space)
            until = self._store.rows("delays").get(op.event_id, 0.0)
            rows[op.event_id] = replace(rows[op.event_id], ready_at=until)
        return done


@outbox("09", "T1", "keeping with a lease of 0 keeps the claim")
class KeepZero(MemoryOutbox):
    async def keep(self, op: Keep, /) -> None:
        await super().keep(op if op.lease else replace(op, lease=30.0))


@outbox("10", "T1", "events of one aggregate lose their message keys in claims")
class ClaimBare(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        return tuple(replace(e, message_key=None) for e in await super().claim(op))


@outbox("11", "T1", "events do not tell when they were saved")
class NoStamp(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        return tuple(replace(e, saved_at=0.0) for e in await super().list_events(op))


@sagas("01", "T1", "listing a status lists those whose status begins so")
class ListPrefix(MemorySagas):
    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        rows = self._rows(op.space)
        ids = sorted(
            i
            for i, row in rows.items()
            if row.record.status.startswith(op.status) and (op.after is None or i > op.after)
        )
        await self._store.reading()
        return tuple(rows[i].record for i in ids[: op.limit])


@sagas("02", "T1", "a saga that is created with a lease is free")
class CreateFree(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await super().create(replace(op, owner=None))


@sagas("03", "T1", "keeping a lease changes the saga's version")
class KeepVersions(MemorySagas):
    async def keep(self, op: KeepSaga, /) -> bool:
        done = await super().keep(op)
        if done:
            rows = self._rows(op.space)
            row = rows[op.saga_id]
            made = replace(row.record, version=row.record.version + 1)
            rows[op.saga_id] = replace(row, record=made)
        return done


@sagas("05", "T1", "an update to another status empties the payload")
class StatusEmpties(MemorySagas):
    async def update(self, op: Update, /) -> int:
        held = self._rows(op.space).get(op.state.saga_id)
        if held is not None and held.record.status != op.state.status:
            op = replace(op, state=replace(op.state, payload=b"{}"))
        return await super().update(op)


@sagas("06", "T4", "a worker is given the sagas of tenants whose names begin with its own")
class ClaimsNeighbours(MemorySagas):
    async def claim(self, op: ClaimSaga, /) -> tuple[SagaRecord, ...]:
        found = await super().claim(op)
        if found or not op.space.startswith("~"):
            return found
        mine, _, rest = op.space.partition("/")
        for table in list(self._store._tables):
            if isinstance(table, tuple) and table[0] == "sagas":
                other = table[2]
                if other.startswith(mine) and other.partition("/")[2] == rest:
                    found = await super().claim(replace(op, space=other))
                    if found:
                        return found
        return ()
