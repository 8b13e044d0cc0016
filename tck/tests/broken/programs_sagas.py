"""Stores of sagas that are wrong where options, times and clients meet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.sagas.driver import Claim, Create, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.errors import SagaStateConflictError
from omnicloud.memory.sagas import MemorySagas
from omnicloud_tck.sagas import SagaContract

Records = tuple[SagaRecord, ...]

_DAY = 86_400.0


def sagas(number: str, tier: str, summary: str) -> Any:
    return broken(f"PRG-SA-{number}", tier, summary, SagaContract)


@sagas("01", "T1", "an update to an empty history keeps the history before")
class KeepsHistory(MemorySagas):
    async def update(self, op: Update, /) -> int:
        row = self._rows(op.space).get(op.state.saga_id)
        if row is not None and not op.state.history:
            op = replace(op, state=replace(op.state, history=row.record.history))
        return await super().update(op)


@sagas("02", "T1", "a claim by id is given an excluded saga")
class IdBeforeExcluded(MemorySagas):
    async def claim(self, op: Claim, /) -> Records:
        return await super().claim(op if op.saga_id is None else replace(op, excluded=()))


@sagas("03", "T1", "a claim by id is given a saga of any status")
class IdBeforeStatus(MemorySagas):
    async def claim(self, op: Claim, /) -> Records:
        row = None if op.saga_id is None else self._rows(op.space).get(op.saga_id)
        if row is not None:
            op = replace(op, statuses=(row.record.status,))
        return await super().claim(op)


@sagas("04", "T2", "a creation that conflicts takes the lease")
class ConflictLeases(MemorySagas):
    async def create(self, op: Create, /) -> None:
        try:
            await super().create(op)
        except SagaStateConflictError:
            rows = self._rows(op.space)
            row, until = rows[op.state.saga_id], self._now() + op.lease
            if op.owner is not None:
                rows[op.state.saga_id] = replace(row, owner=op.owner, leased_until=until)
            raise


@sagas("05", "T3", "leases are a day at the most")
class ADay(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await super().create(replace(op, lease=min(op.lease, _DAY)))

    async def claim(self, op: Claim, /) -> Records:
        return await super().claim(replace(op, lease=min(op.lease, _DAY)))


@sagas("06", "T3", "the lease that a saga is made with is a minute at the most")
class AMinute(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await super().create(replace(op, lease=min(op.lease, 60.0)))


@sagas("07", "T3", "who claims what it has already is not given more time")
class NoMoreTime(MemorySagas):
    async def claim(self, op: Claim, /) -> Records:
        before = dict(self._rows(op.space))
        now, found = self._now(), await super().claim(op)
        for one in found:
            row = before[one.saga_id]
            if row.owner == op.owner and row.leased_until > now:
                self._rows(op.space)[one.saga_id] = row
        return found


@sagas("08", "T2", "keeping looks, awaits, and writes back what it saw")
class KeepsInTwo(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        row = self._rows(op.space).get(op.saga_id)
        kept = await super().keep(op)
        await asyncio.sleep(0)
        if kept and row is not None:
            rows, until = self._rows(op.space), self._now() + op.lease
            rows[op.saga_id] = replace(row, leased_until=until)
        return kept


@sagas("09", "T2", "an update that changes the status compares, awaits, and writes")
class MovesInTwo(MemorySagas):
    async def update(self, op: Update, /) -> int:
        row = self._rows(op.space).get(op.state.saga_id)
        if row is None or row.record.status == op.state.status:
            return await super().update(op)
        fits = row.record.version == op.state.version
        await self._store.turn()
        await asyncio.sleep(0)
        if not fits:
            raise SagaStateConflictError("the saga has another version")
        record = replace(op.state, version=op.state.version + 1)
        number = self._store.number()
        self._rows(op.space)[op.state.saga_id] = replace(row, record=record, written=number)
        return record.version


@sagas("10", "T1", "after a text that is no saga's id a list begins anew")
class BeginsAnew(MemorySagas):
    async def list_sagas(self, op: ListSagas, /) -> Records:
        known = op.after is None or op.after in self._rows(op.space)
        return await super().list_sagas(op if known else replace(op, after=None))


@sagas("11", "T2", "a saga whose lease was given free goes behind those that wait")
class FreedGoLast(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        kept = await super().keep(op)
        rows = self._rows(op.space)
        if kept and not op.lease:
            rows[op.saga_id] = replace(rows[op.saga_id], written=self._store.number())
        return kept


@sagas("12", "T2", "a claim of many, cancelled half-way, has leased some")
class LeasesByOnes(MemorySagas):
    async def claim(self, op: Claim, /) -> Records:
        found: list[SagaRecord] = []
        while len(found) < op.most:
            excluded = (*op.excluded, *(one.saga_id for one in found))
            more = await super().claim(replace(op, most=1, excluded=excluded))
            if not more:
                break
            found += more
            await asyncio.sleep(0)
        return tuple(found)


@sagas("13", "T1", "more than two statuses are not looked for")
class TwoStatuses(MemorySagas):
    async def claim(self, op: Claim, /) -> Records:
        return await super().claim(replace(op, statuses=op.statuses[:2]))
