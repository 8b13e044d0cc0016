"""Stores of sagas that are wrong in the ways of a table that is written by hand."""

from __future__ import annotations

import json
from dataclasses import replace

from broken.registry import broken
from omnicloud.contracts.sagas.driver import Claim, Create, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.store import Rows
from omnicloud_tck.sagas import SagaContract

Records = tuple[SagaRecord, ...]


@broken("B5-SA-01", "T0", "sagas are listed whatever their status", SagaContract)
class ListsAll(MemorySagas):
    async def list_sagas(self, op: ListSagas, /) -> Records:
        await self._store.reading()
        rows = self._rows(op.space)
        ids = sorted(one for one in rows if op.after is None or one > op.after)
        return tuple(rows[one].record for one in ids[: op.limit])


def _once(record: SagaRecord) -> SagaRecord:
    return replace(record, history=tuple(dict.fromkeys(record.history)))


@broken("B5-SA-02", "T1", "what happened to a step twice is kept once", SagaContract)
class KeepsOnce(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await super().create(replace(op, state=_once(op.state)))

    async def update(self, op: Update, /) -> int:
        return await super().update(replace(op, state=_once(op.state)))


@broken("B5-SA-03", "T1", "an update to no step keeps the step before", SagaContract)
class Coalesces(MemorySagas):
    async def update(self, op: Update, /) -> int:
        row = self._rows(op.space).get(op.state.saga_id)
        if op.state.current_step is None and row is not None:
            kept = row.record.current_step
            op = replace(op, state=replace(op.state, current_step=kept))
        return await super().update(op)


def _doubled(record: SagaRecord) -> SagaRecord:
    try:
        payload = json.loads(record.payload, parse_int=lambda text: int(float(text)))
    except (ValueError, OverflowError):
        return record
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return replace(record, payload=text.encode())


@broken("B5-SA-04", "T1", "whole numbers of the payload pass through doubles", SagaContract)
class Doubles(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await super().create(replace(op, state=_doubled(op.state)))

    async def update(self, op: Update, /) -> int:
        return await super().update(replace(op, state=_doubled(op.state)))


@broken("B5-SA-05", "T2", "an update gives the lease free", SagaContract)
class UpdateFrees(MemorySagas):
    async def update(self, op: Update, /) -> int:
        version = await super().update(op)
        rows = self._rows(op.space)
        rows[op.state.saga_id] = replace(rows[op.state.saga_id], owner="", leased_until=0.0)
        return version


@broken("B5-SA-06", "T2", "a saga that is made leased is free at once", SagaContract)
class MadeFree(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await super().create(replace(op, owner=None))


@broken("B5-SA-07", "T3", "a saga without a write for an hour is gone", SagaContract)
class GoneAfterAnHour(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await super().create(op)
        self._written(op)

    async def update(self, op: Update, /) -> int:
        version = await super().update(op)
        self._written(op)
        return version

    def _written(self, op: Create | Update) -> None:
        self._store.rows("written")[op.space, op.state.saga_id] = self._now()

    def _rows(self, space: str) -> Rows:
        rows, written = super()._rows(space), self._store.rows("written")
        for saga_id in list(rows):
            if written.get((space, saga_id), self._now()) + 3600.0 <= self._now():
                del rows[saga_id], written[space, saga_id]
        return rows


@broken("B5-SA-08", "T3", "a lease that ended is kept while nobody took it", SagaContract)
class Revives(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        await self._store.turn()
        rows = self._rows(op.space)
        row = rows.get(op.saga_id)
        if row is None or row.owner != op.owner:
            return False
        rows[op.saga_id] = replace(row, leased_until=self._now() + op.lease)
        return True


@broken("B5-SA-09", "T3", "leases end by the wall clock", SagaContract)
class LeasesByTheWall(MemorySagas):
    def _now(self) -> float:
        return self._store.clock.wall()


@broken("B5-SA-10", "T4", "a claim of any saga is given those of other spaces", SagaContract)
class ClaimsAnywhere(MemorySagas):
    async def claim(self, op: Claim, /) -> Records:
        found = list(await super().claim(op))
        if op.saga_id is not None:
            return tuple(found)
        for table in list(self._store._tables):
            if isinstance(table, tuple) and table[:2] == ("sagas", self._namespace):
                more = replace(op, space=table[2], most=op.most - len(found))
                if table[2] != op.space and more.most > 0:
                    found.extend(await super().claim(more))
        return tuple(found)
