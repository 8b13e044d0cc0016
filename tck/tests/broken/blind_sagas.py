"""sagas drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import pause
from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.errors import SagaStateConflictError
from omnicloud.memory.sagas import MemorySagas, _is_free
from omnicloud_tck.sagas import SagaContract


def sagas(number: int, tier: str, summary: str) -> Any:
    return broken(f"B-SA-{number:02}", tier, summary, SagaContract)


@sagas(1, "T0", "claim gives sagas of any status")
class ClaimsAnyStatus(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        statuses = {row.record.status for row in self._rows(op.space).values()}
        return await super().claim(replace(op, statuses=tuple(statuses)))


@sagas(2, "T1", "a step of number 0 comes back as no step")
class ZeroIsNone(MemorySagas):
    async def get(self, op: Get, /) -> SagaRecord | None:
        record = await super().get(op)
        return record and replace(record, current_step=record.current_step or None)


@sagas(3, "T1", "entries of the history that are equal to one before are kept once")
class HistoryIsASet(MemorySagas):
    async def update(self, op: Update, /) -> int:
        history = tuple(dict.fromkeys(op.state.history))
        return await super().update(replace(op, state=replace(op.state, history=history)))


@sagas(4, "T2", "create looks for the id, awaits, and writes")
class CreatesLate(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await self._store.turn()
        if op.state.saga_id in self._rows(op.space):
            raise SagaStateConflictError("there is a saga of that id")
        await pause()
        self._rows(op.space).pop(op.state.saga_id, None)
        await super().create(op)


@sagas(5, "T2", "an update ends the lease")
class UpdatesEndLeases(MemorySagas):
    async def update(self, op: Update, /) -> int:
        version = await super().update(op)
        rows = self._rows(op.space)
        rows[op.state.saga_id] = replace(rows[op.state.saga_id], owner="", leased_until=0.0)
        return version


@sagas(6, "T2", "claim chooses, awaits, and leases: two workers are given one saga")
class ClaimsLate(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        await self._store.turn()
        now = self._now()
        free = [row for row in self._rows(op.space).values() if _is_free(row, op, now)]
        chosen = sorted(free, key=lambda row: row.written)[: op.most]
        await pause()
        await self._store.turn()
        rows = self._rows(op.space)
        for row in chosen:
            saga_id = row.record.saga_id
            leased = replace(rows[saga_id], owner=op.owner, leased_until=now + op.lease)
            rows[saga_id] = leased
        return tuple(rows[row.record.saga_id].record for row in chosen)


@sagas(7, "T3", "a lease that has ended is kept on, as long as nobody else took it")
class RevivesLeases(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        await self._store.turn()
        rows = self._rows(op.space)
        row = rows.get(op.saga_id)
        if row is None or row.owner != op.owner:
            return False
        rows[op.saga_id] = replace(row, leased_until=self._now() + op.lease)
        return True


@sagas(8, "T3", "claim gives the newest first, so that old ones starve")
class NewestFirst(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        await self._store.turn()
        now, rows = self._now(), self._rows(op.space)
        free = [row for row in rows.values() if _is_free(row, op, now)]
        chosen = sorted(free, key=lambda row: -row.written)[: op.most]
        for row in chosen:
            leased = replace(row, owner=op.owner, leased_until=now + op.lease)
            rows[row.record.saga_id] = leased
        return tuple(row.record for row in chosen)


@sagas(9, "T4", "the error of a conflict shows the stored payload")
class ShowsPayload(MemorySagas):
    async def update(self, op: Update, /) -> int:
        try:
            return await super().update(op)
        except SagaStateConflictError:
            row = self._rows(op.space).get(op.state.saga_id)
            if row is None:
                raise
            raise SagaStateConflictError(f"the stored state is {row.record.payload!r}") from None
